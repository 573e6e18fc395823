"""The accidents of the trial, each as it happened, with the sentence that a user reads.

The sixth, an interrupted extract of posts that made accounts dormant, is in test_late_extracts.py.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines import night
from tests.cli.command import Stillreach, runner
from tests.end_to_end.world import Deployment, deploy, write_csv

DAY = date(2026, 7, 15)
POLICE = {"platform": "x", "account_id": "1001", "handle": "DalePolice", "name": "Dale Police", "role": "own"}
RIDERS = {"platform": "x", "account_id": "1002", "handle": "DaleRiders", "name": "Dale Riders", "role": "own"}
Row = dict[str, Any]
Land = Callable[[Iterable[Row], date], tuple[int, str, str]]


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setattr(night, "check", lambda run_id, layer: None)
    return deploy(tmp_path, [POLICE, RIDERS], monkeypatch)


@pytest.fixture
def stillreach(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Stillreach:
    return runner(capsys, monkeypatch)


@pytest.fixture
def land(deployed: Deployment, stillreach: Stillreach) -> Land:
    """Give `stillreach land` of a list of followers for a day."""

    def of(rows: Iterable[Row], on: date) -> tuple[int, str, str]:
        folder = deployed.settings.data / "drop"
        folder.mkdir(exist_ok=True)
        write_csv(folder / "follower.csv", rows)
        return stillreach("land", str(folder), "--source", "x_list", "--on", str(on))

    return of


def member(n: int) -> str:
    """An id as X gives them: nineteen digits, none of them rounded."""
    return str(1_400_000_000_000_000_007 + n * 7_654_321_987)


def followers(people: Iterable[int], on: date, account_id: str = "1001") -> list[Row]:
    return [{"platform": "x", "account_id": account_id, "member_id": member(n), "observed_on": str(on)} for n in people]


def reach(deployed: Deployment, account_id: str = "1001") -> int | None:
    ((people,),) = deployed.rows(
        "SELECT reach_people FROM mart.segment_reach "
        f"WHERE segment_id = 'everyone' AND basis = 'follower' AND account_id = '{account_id}'"
    )
    return None if people is None else int(people)


def test_a_list_pulled_over_midnight_is_one_list(deployed: Deployment, land: Land) -> None:
    """41 followers of 101 were published: the rows after midnight were taken for all of the list."""
    code, shown, _ = land([*followers(range(60), DAY - timedelta(1)), *followers(range(60, 101), DAY)], DAY)
    assert code == 0
    assert "the list of 1 account has rows of several days; each is one list, of its latest day" in shown
    deployed.night(DAY)
    assert reach(deployed) == 101


def test_ids_rounded_by_a_spreadsheet_end_no_follow(deployed: Deployment, land: Land) -> None:
    """3,494 of 3,494 follows ended."""
    land(followers(range(3494), DAY - timedelta(7)), DAY - timedelta(7))
    with_exponent = [row | {"member_id": f"{float(row['member_id']):.14e}"} for row in followers(range(3494), DAY)]
    code, _, error = land(with_exponent, DAY)
    assert code == 4
    assert "member_id is no id in rows 2, 3, 4, 5, 6 and 3,489 more" in error
    assert "do not open the file in a spreadsheet on the way" in error
    code, _, error = land([row | {"member_id": str(int(float(row["member_id"])))} for row in with_exponent], DAY)
    assert code == 4
    assert "holds member_id rounded to 15 digits: 217 of 3,494 longer ids end with zeros" in error
    assert "export ids as text" in error
    deployed.night(DAY)
    assert reach(deployed) == 3494


def test_a_flipped_bit_is_refused_or_nothing_is_said_to_prove_the_file(
    deployed: Deployment, stillreach: Stillreach
) -> None:
    """A quarter of single-bit flips in Parquet went in without a word."""
    folder = deployed.settings.data / "drop"
    folder.mkdir()
    target = io.BytesIO()
    pl.DataFrame(followers(range(500), DAY)).write_parquet(target, compression="uncompressed")
    whole = target.getvalue()
    flipped = bytearray(whole)
    flipped[whole.index(member(250).encode()) + 18] ^= 1
    (folder / "follower.parquet").write_bytes(flipped)
    code, shown, _ = stillreach("land", str(folder), "--source", "x_list", "--on", str(DAY))
    assert code == 0
    assert "nothing proves that follower.parquet arrived as sent: a sha256 in manifest.json would" in shown
    deployed.night(DAY)
    assert deployed.rows("SELECT integrity_status FROM meta.delivery") == [("unproven",)]
    sha256 = hashlib.sha256(whole).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({"files": {"follower.parquet": {"sha256": sha256}}}))
    code, _, error = stillreach("land", str(folder), "--source", "x_list", "--on", str(DAY + timedelta(1)))
    assert code == 4
    assert "follower.parquet" in error
    assert "sha256" in error


def test_an_old_list_landed_for_a_new_day_brings_nobody_back(
    deployed: Deployment, land: Land, stillreach: Stillreach
) -> None:
    """A repeated list under a wrong --on made 1,515 followers 2,946."""
    old = followers(range(1800), DAY - timedelta(14))
    land(old, DAY - timedelta(14))
    land(followers(range(285, 1800), DAY - timedelta(7)), DAY - timedelta(7))
    deployed.night(DAY - timedelta(7))
    assert reach(deployed) == 1515
    land([row | {"observed_on": str(DAY)} for row in old], DAY)
    deployed.night(DAY)
    assert reach(deployed) == 1515
    says = "it repeats the list of 1 July 2026, although a shorter one was read since"
    assert (
        f"follower list of Dale Police (x), 2026-07-15: 1,800 of an unknown number: {says}" in stillreach("status")[1]
    )


def test_an_old_list_with_its_own_days_brings_nobody_back(deployed: Deployment, land: Land) -> None:
    old = followers(range(1800), DAY - timedelta(14))
    land(old, DAY - timedelta(14))
    land(followers(range(285, 1800), DAY - timedelta(7)), DAY - timedelta(7))
    deployed.night(DAY - timedelta(7))
    land(old, DAY)
    deployed.night(DAY)
    assert reach(deployed) == 1515


def test_a_deployment_with_follower_lists_alone_gets_true_sentences(
    deployed: Deployment, land: Land, stillreach: Stillreach
) -> None:
    """The review said "delivers no lists of people" beside 390 followers, and `keep` failed without a hint."""
    land([*followers(range(390), DAY), *followers(range(300, 500), DAY, "1002")], DAY)
    deployed.night(DAY)
    code, shown, _ = stillreach("keep")
    assert code == 0
    assert "People are counted on the basis follower." in shown
    code, shown, _ = stillreach("what-if", "--close", "x:DalePolice")
    assert code == 0
    assert "300 of 500" in shown
    assert "not known" in shown
    assert stillreach("review")[0] == 0
    page = (deployed.settings.reports / f"review-{DAY}" / "index.html").read_text(encoding="utf-8")
    assert "no lists of people" not in page
    assert "Dale Police has 390 followers by its list, but no interactions" in page
