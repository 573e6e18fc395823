"""Exports landed through their readers: what is kept, what never is, and tables written whole or not at all."""

import csv
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines import night
from pipelines.cli.app import app
from pipelines.common.errors import DeliveryError
from pipelines.extract.exports import land_export
from pipelines.extract.files.drop import Row, write_table, write_tables
from pipelines.extract.registry import EXPORTS
from pipelines.landing.inbox import refused_drops
from tests.end_to_end.world import Deployment, deploy
from tests.extract.samples import instagram, x_archive
from tests.extract.samples.x_archive import DM

OWN: list[dict[str, str | None]] = [
    {"platform": "x", "account_id": "1001", "handle": "@SP_Motor", "role": "own"},
    {"platform": "x", "account_id": "1003", "handle": None, "role": "own"},
    {"platform": "x", "account_id": "91", "handle": "throttle", "role": "seed"},
    {"platform": "instagram", "account_id": "17841400001", "handle": "sp_motor", "role": "own"},
]
DAY = date(2026, 7, 15)


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Set up a force with accounts on two platforms."""
    return deploy(tmp_path, OWN, monkeypatch)


def stored(deployment: Deployment) -> Iterator[tuple[Path, bytes]]:
    """Every file that the deployment holds outside its inbox, with its bytes."""
    for file in sorted(deployment.settings.data.rglob("*")):
        if file.is_file() and not file.is_relative_to(deployment.settings.inbox):
            yield file, file.read_bytes()


def archive(folder: Path, account: str = "1001") -> Path:
    return x_archive.write(folder / account, "as known") / "archive.zip"


def test_an_archive_from_the_command_line_leaves_no_byte_of_a_direct_message(
    deployment: Deployment, tmp_path: Path
) -> None:
    given = archive(tmp_path / "download")
    done = CliRunner().invoke(app, ["land", str(given), "--source", "x_archive", "--on", "2026-07-15"])
    assert done.exit_code == 0, (done.output, done.exception)
    reported = done.output.replace("\n", " ")
    assert "landed 2 rows in 2 files" in reported
    assert "the archive itself is not kept" in reported
    landed = {file.name for file, _ in stored(deployment) if file.is_relative_to(deployment.settings.landing)}
    assert landed - {".lock"} == {"follower.csv", "post.csv", "manifest.json"}
    for file, raw in stored(deployment):
        assert DM.encode() not in raw and b"jane" not in raw.lower(), file
        assert raw[:2] != b"PK", file
    assert given.exists(), "what a person passes is theirs"


def test_exports_in_the_inbox_leave_it_with_all_that_lay_in_them(deployment: Deployment) -> None:
    inbox = deployment.settings.inbox
    archive(inbox / "x_archive" / "2026-07-15")
    instagram.write(inbox / "instagram" / "2026-07-15", "as known")
    landed = night.land_inbox(DAY)
    assert [one.delivery.source for one in landed] == ["instagram", "x_archive"]
    assert not list(inbox.rglob("*.zip")) and not list(inbox.rglob("*.json"))
    names = {file.name for file, _ in stored(deployment)}
    assert not names & {"archive.zip", "followers_1.json", "blocked_profiles.json"}
    assert any("not kept" in note for note in landed[0].delivery.notes)


def test_the_same_archive_again_is_no_new_delivery(deployment: Deployment, tmp_path: Path) -> None:
    given = archive(tmp_path / "download")
    assert night.land_drop(given, "x_archive", DAY).is_new
    assert not night.land_drop(given, "x_archive", DAY).is_new


def test_a_bad_archive_lands_nothing_and_stays_where_it_is(deployment: Deployment) -> None:
    folder = deployment.settings.inbox / "x_archive" / "2026-07-15"
    x_archive.write(folder / "1001", "missing column")
    assert night.land_inbox(DAY) == []
    ((_, refused),) = refused_drops(deployment.settings)
    assert "lacks id_str" in refused
    assert list(folder.rglob("*.zip"))
    assert not [file for file, _ in stored(deployment) if file.suffix == ".csv"]


def test_an_export_of_nothing_is_refused(deployment: Deployment, tmp_path: Path) -> None:
    members = {"data/follower.js": x_archive.ytd("follower", 0, [])}
    with pytest.raises(DeliveryError, match=r"has no rows to land.*names no follower"):
        night.land_drop(x_archive.pack(tmp_path / "a.zip", members), "x_archive", DAY, "1001")


def test_account_means_nothing_to_a_drop_of_the_contract(deployment: Deployment, tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    write_table(tmp_path / "drop" / "account_day.csv", ("platform",), [{"platform": "x"}])
    with pytest.raises(DeliveryError, match=r"--account: has no effect on source erp.*Known: .*x_archive"):
        night.land_drop(tmp_path / "drop", "erp", DAY, "1001")


@pytest.mark.parametrize("word", ["x:1001", "x:SP_Motor", "@sp_motor", "1001"])
def test_an_account_is_named_in_one_way_everywhere(deployment: Deployment, tmp_path: Path, word: str) -> None:
    members = {"data/follower.js": x_archive.ytd("follower", 0, [])}
    export = x_archive.pack(tmp_path / "a.zip", members)
    with pytest.raises(DeliveryError, match="has no rows to land"):  # the account is known
        night.land_drop(export, "x_archive", DAY, word)
    with pytest.raises(DeliveryError, match="not an X account of ours"):
        night.land_drop(export, "x_archive", DAY, "instagram:sp_motor")


def test_our_accounts_are_those_of_the_reader_s_platforms(deployment: Deployment) -> None:
    accounts = land_export.known_accounts
    assert accounts(("x",), deployment.settings) == {"sp_motor": "1001", "1003": "1003"}
    assert accounts(("instagram",), deployment.settings) == {"sp_motor": "17841400001"}
    both = accounts(("x", "instagram"), deployment.settings)
    assert both == {"sp_motor": "1001", "1003": "1003", "17841400001": "17841400001"}


def test_an_export_that_may_hold_messages_is_not_kept() -> None:
    assert {name for name, one in EXPORTS.items() if not one.keeps_original} == {"instagram", "x_archive"}


# --- tables ---------------------------------------------------------------------------------------

ROWS: list[Row] = [
    {"a": 'one, "two"\nthree\r\rfour', "b": None},
    {"b": "\0x\0", "a": ""},
    {"a": "\ud83d half", "b": "whole \U0001f6b4"},
]


def test_a_table_is_read_back_as_written(tmp_path: Path) -> None:
    file = tmp_path / "new" / "follower.csv"
    assert write_table(file, ("a", "b"), iter(ROWS)) == 3
    with file.open(encoding="utf-8", newline="") as stream:
        got = list(csv.DictReader(stream, strict=True))
    assert got == [
        {"a": 'one, "two"\nthree\r\rfour', "b": ""},
        {"a": "", "b": "x"},
        {"a": "? half", "b": "whole \U0001f6b4"},
    ]
    assert file.read_bytes().endswith(b"\r\n")


def test_no_rows_no_file(tmp_path: Path) -> None:
    assert write_table(tmp_path / "new" / "follower.csv", ("a",), []) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fails_at", [0, 1, 5])
def test_tables_are_written_all_or_none(tmp_path: Path, fails_at: int) -> None:
    def rows() -> Iterator[Row]:
        for n in range(fails_at):
            yield {"a": str(n)}
        raise DeliveryError("post", "cannot be read")

    first = tmp_path / "follower.csv"
    with pytest.raises(DeliveryError):
        write_tables({first: (("a",), [{"a": "1"}]), tmp_path / "post.csv": (("a",), rows())})
    assert not list(tmp_path.iterdir())


def test_a_table_never_stands_half_written_and_the_one_before_stays_till_then(tmp_path: Path) -> None:
    file = tmp_path / "follower.csv"
    write_table(file, ("a",), [{"a": "before"}])
    seen: list[str] = []

    def rows() -> Iterator[Row]:
        for n in range(3):
            seen.append(json.dumps(file.read_text()))
            yield {"a": str(n)}

    write_table(file, ("a",), rows())
    assert all("before" in text for text in seen)
    assert file.read_text().split() == ["a", "0", "1", "2"]
