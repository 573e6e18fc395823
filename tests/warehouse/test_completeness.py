"""Missing lists are accounted for and end no follow; a complete list ends follows of its own account."""

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import night
from pipelines.landing.land_drop import Landed, land_drop
from tests.end_to_end.world import Deployment, deploy, write_csv

FIRST = date(2026, 5, 4)
ACCOUNTS = [
    {"platform": "x", "account_id": "cut", "role": "own"},
    {"platform": "x", "account_id": "whole", "role": "own"},
    {"platform": "x", "account_id": "left", "role": "own"},
    {"platform": "mastodon", "account_id": "left", "role": "own"},
]
COUNTS = ("n_lists", "n_reported", "n_collected", "n_pages", "n_requests", "n_repeats", "n_null_rows")
COMPLETE = {"scope": "complete", "reason": ""}
CUT = {"scope": "partial", "reason": "deadline after 1 of 3 pages"}


def listed(
    account_id: str, kind: str, counts: tuple[int | None, ...], scope: dict[str, str], platform: str = "x"
) -> Any:
    """One list as a puller accounts for it; `counts` are in the order of `COUNTS`."""
    key = {"platform": platform, "account_id": account_id, "kind": kind}
    return key | dict(zip(COUNTS, counts, strict=True)) | scope


def followers(on: date, platform: str = "x", **people: str) -> list[dict[str, Any]]:
    """Rows of some accounts' lists: a letter is a person."""
    return [
        {"platform": platform, "account_id": account_id, "member_id": who, "observed_on": on}
        for account_id, everybody in people.items()
        for who in everybody
    ]


def land(deployed: Deployment, on: date, declared: dict[str, Any], source: str = "pull", **tables: Any) -> Landed:
    """Land a drop whose sender accounts for its lists."""
    folder = deployed.settings.data / "drop"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, rows in tables.items():
        write_csv(folder / f"{name}.csv", rows)
    (folder / "manifest.json").write_text(json.dumps(declared), encoding="utf-8")
    return land_drop(folder, source, on, deployed.settings)


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Deploy four accounts; nights are run without audits, which have their own tests."""
    for name in night.STEPS:
        if name.startswith("check_"):
            monkeypatch.setitem(night.STEPS, name, lambda run_id: None)
    return deploy(tmp_path, ACCOUNTS, monkeypatch)


def test_who_is_missing_from_a_list_has_left_only_where_that_list_is_complete(deployed: Deployment) -> None:
    days = [FIRST + timedelta(days=n) for n in range(3)]
    deployed.land("files", days[0], follower=followers(days[0], cut="abc", whole="abc", left="abc"))
    deployed.land("more_files", days[0], follower=followers(days[0], "mastodon", left="ab"))
    first = deployed.night(days[0])
    found = [
        listed("cut", "follower", (1, 3, 1, 1, 4, 0, 0), CUT),
        listed("whole", "follower", (1, 1, 1, 1, 1, 0, 0), COMPLETE),
        listed("left", "follower", (1, 0, 0, 1, 1, 0, 0), COMPLETE),  # read to its end, and the platform counts nobody
        listed("left", "follower", (1, None, 0, 1, 1, 0, 0), COMPLETE, "mastodon"),  # nobody says how many there are
    ]
    land(deployed, days[1], {"completeness": found}, follower=followers(days[1], cut="a", whole="a"))
    # The day after nothing came at all: nobody has left.
    failed = [listed("whole", "follower", (1, None, 0, 0, 5, 0, 0), {"scope": "partial", "reason": "no answer"})]
    land(deployed, days[2], {"completeness": failed, "notes": ["the platform did not answer"]})
    second = deployed.night(days[2])
    left = [("left", "x", 3, 3), ("cut", "x", 3, 0), ("whole", "x", 3, 2), ("left", "mastodon", 2, 0)]
    spells = (
        "SELECT account_id, platform, count(*), count(*) FILTER (WHERE ended_on = DATE '2026-05-05') "
        "FROM core.follow GROUP BY ALL ORDER BY ALL"
    )
    assert deployed.rows(spells) == sorted(left)
    reached = (
        "SELECT platform, account_id, followers, reach_people, data_basis FROM mart.account_scorecard ORDER BY ALL"
    )
    assert deployed.rows(reached) == [
        ("mastodon", "left", 2, 2, "people"),
        ("x", "cut", 3, 3, "people"),
        ("x", "left", 0, 0, "people"),
        ("x", "whole", 1, 1, "people"),
    ]
    assert deployed.rows(
        "SELECT table_name, n_files, n_rows, n_rows_loaded, delivery_notes FROM meta.delivery "
        "WHERE snapshot_on = DATE '2026-05-06'"
    ) == [("nothing", 0, 0, 0, ["the platform did not answer"])]
    assert deployed.rows("SELECT account_id, n_collected, completeness_reason FROM meta.partial_list ORDER BY ALL") == [
        ("cut", 1, "deadline after 1 of 3 pages"),
        ("whole", 0, "no answer"),
    ]
    nightly = published(deployed)
    again = night.load(days[2])  # nothing is missing: it would continue from that night, and load nothing
    assert [base for (base,) in deployed.rows("SELECT base_snapshot_id FROM meta.run ORDER BY run_id")] == [
        None,
        first,
    ]
    record = json.loads((deployed.settings.data / "runs" / f"{again}.json").read_text(encoding="utf-8"))
    assert record["base_snapshot_id"] == second
    deployed.night(days[2], replay=True)
    assert published(deployed) == nightly


def test_a_list_of_an_account_that_is_not_listed_is_published_by_its_count_alone(deployed: Deployment) -> None:
    rows = followers(FIRST, whole="abc") + followers(FIRST, zqjane="ab")
    stray = listed("zqjohn", "post", (1, None, 0, 1, 1, 0, 0), COMPLETE)
    land(deployed, FIRST, {"completeness": [stray]}, follower=rows)
    deployed.night(FIRST)
    assert deployed.rows("SELECT account_id FROM meta.completeness") == [("whole",)]
    assert deployed.rows("SELECT quarantine_reason, n_rows FROM meta.quarantine") == [
        ("account_id is not in account.csv", 2)
    ]


def published(deployed: Deployment) -> dict[str, list[tuple[Any, ...]]]:
    """Everything published but the runs themselves."""
    tables = deployed.tables("core", "mart", "meta")
    return {name: rows for name, rows in tables.items() if name not in ("meta.run", "meta.validation_result")}


def test_every_list_of_a_delivery_is_accounted_for_by_its_sender_or_by_its_rows(deployed: Deployment) -> None:
    acts = [
        {"platform": "x", "post_id": "p", "account_id": account_id, "member_id": who, "kind": "like"}
        for account_id, everybody in {"cut": "ab", "whole": "a"}.items()
        for who in everybody
    ]
    posts = [{"platform": "x", "post_id": "p", "account_id": "cut", "posted_at": "2026-05-03T08:00:00Z"}]
    found = [
        listed("cut", "follower", (1, 9, 2, 1, 2, 1, 3), CUT),
        listed("cut", "like", (2, None, 2, 2, 2, 0, 0), COMPLETE),
    ]
    manifest = {"completeness": found, "reported": {"engagement": {"x:whole": 40}}}
    land(deployed, FIRST, manifest, follower=followers(FIRST, cut="ab", whole="abc"), engagement=acts, post=posts)
    land(deployed, FIRST, {"follower_scope": "partial"}, source="files", follower=followers(FIRST, left="a"))
    run_id = night.load(FIRST)
    fields = ", ".join(COUNTS)
    with duckdb.connect(str(deployed.settings.work / "runs" / run_id / "night.duckdb"), read_only=True) as con:
        rows = con.execute(
            f"SELECT source, account_id, list_kind, {fields}, scope, completeness_reason "
            "FROM meta.completeness ORDER BY ALL"
        ).fetchall()
    nobody_said = (None, None, None, None)
    assert rows == [
        ("files", "left", "follower", None, None, 1, *nobody_said, "partial", "declared partial by its sender"),
        ("pull", "cut", "follower", 1, 9, 2, 1, 2, 1, 3, "partial", CUT["reason"]),
        ("pull", "cut", "like", 2, None, 2, 2, 2, 0, 0, "complete", None),
        ("pull", "cut", "post", None, None, 1, *nobody_said, "unknown", None),
        ("pull", "whole", "engagement", None, 40, 1, *nobody_said, "unknown", None),
        ("pull", "whole", "follower", None, None, 3, *nobody_said, "complete", None),
    ]


def test_a_list_of_nobody_of_an_account_that_is_not_listed_is_no_list_of_ours(deployed: Deployment) -> None:
    nobody = (1, 0, 0, 1, 1, 0, 0)
    found = [listed("whole", "follower", nobody, COMPLETE), listed("stranger", "follower", nobody, COMPLETE)]
    land(deployed, FIRST, {"completeness": found})
    land(
        deployed,
        FIRST,
        {"completeness": [listed("cut", "follower", nobody, COMPLETE)], "follower_scope": "partial"},
        "b",
    )
    run_id = night.load(FIRST)
    with duckdb.connect(str(deployed.settings.work / "runs" / run_id / "night.duckdb"), read_only=True) as con:
        assert con.execute("SELECT platform, account_id, observed_on FROM stg.empty_list").fetchall() == [
            ("x", "whole", FIRST)
        ]
