"""Bad input stops the night by name, publishes nothing, loses nothing, and names no person."""

import gzip
import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import night
from pipelines.common.errors import NothingLandedError, RefError, StillreachError, ValidationStop
from pipelines.common.settings import Settings
from pipelines.landing.inbox import refused_drops
from pipelines.landing.land_drop import land_drop
from pipelines.warehouse import build, publish, runs

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
County = Callable[..., dict[str, Any]]

ON = date(2026, 7, 22)
CSV = "platform,account_id,member_id,observed_on,bio\n"
ROW = "x,1,zqid7,2026-07-22,zqbio\n"

pytestmark = pytest.mark.usefixtures("no_report")


def inbox(settings: Settings) -> Path:
    return settings.inbox / "x_extract" / str(ON)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stopped(settings: Settings, error: type[StillreachError]) -> StillreachError:
    """Run a night that must stop, and give its error; what is published stays what it was."""
    before = publish.current_snapshot(settings), publish.snapshots(settings)
    with pytest.raises(error) as stop:
        night.run_night(ON)
    assert (publish.current_snapshot(settings), publish.snapshots(settings)) == before
    return stop.value


BAD_FILES: dict[str, tuple[Mapping[str, Any], str]] = {
    "cut off": ({"follower.csv": CSV + ROW[:-1]}, "UnreadableFileError: follower.csv: does not end with a line break"),
    "cut off, packed": ({"follower.csv.gz": gzip.compress((CSV + ROW).encode())[:-3]}, "cannot be unpacked (EOFError)"),
    "empty": ({"follower.csv": b""}, "UnreadableFileError: follower.csv: is empty"),
    "header alone": ({"follower.csv": CSV}, "UnreadableFileError: follower.csv: has no rows"),
    "Latin-1": ({"follower.csv": (CSV + ROW + "x,1,é,,\n").encode("latin-1")}, "follower.csv: is not UTF-8"),
    "NUL": ({"follower.csv": CSV + ROW + "\0\n"}, "follower.csv: holds NUL bytes"),
    "misnamed": ({"followers.csv": CSV + ROW}, "SchemaError: followers.csv: is not named for a table of the extract"),
    "column missing": (
        {"follower.csv": (CSV + ROW).replace("member_id", "member")},
        "is column 3 meant for member_id?",
    ),
    "float ids": (
        {"follower.parquet": [{"platform": "x", "account_id": "1", "member_id": 7.0, "observed_on": "2026-07-22"}]},
        "SchemaError: follower.parquet: holds member_id as a floating-point number",
    ),
    "one long line": ({"follower.jsonl.gz": b"[" + b'{"bio": "zqbio"}, ' * (1 << 20)}, "cannot be unpacked"),
    "another row count": (
        {"follower.csv": CSV + ROW, "manifest.json": {"files": {"follower.csv": {"rows": 9}}}},
        "follower.csv: has 1 rows, its sender declared 9",
    ),
    "empty drop": ({}, "holds no files"),
    "no listed account": (
        {"follower.csv": CSV + ROW * 9 + ROW.replace("x,1", "x,3") * 2},
        "UnusableRowsError: rows that cannot be used: follower.csv: account_id is not in account.csv in rows 11, 12",
    ),
    "ids through a spreadsheet": (
        {"follower.csv": CSV + ROW.replace("zqid7", "1.2E+17")},
        "follower.csv: member_id is no id in row 2",
    ),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_bad_drop_in_the_inbox_is_set_aside_with_its_error_and_the_others_land(
    what: str, two_nights: Settings, write_drop: WriteDrop
) -> None:
    files, found = BAD_FILES[what]
    good = write_drop(two_nights.inbox / "y_other" / str(ON), {"follower.csv": CSV + ROW})
    drop = write_drop(inbox(two_nights), files)
    came = contents(drop)
    assert [one.delivery.source for one in night.land_inbox(ON)] == ["y_other"]
    (refused,) = refused_drops(two_nights)
    assert refused[0] == f"inbox/x_extract/{ON}"
    assert found in refused[1]
    assert "zq" not in refused[1]
    assert contents(drop) == came
    assert not good.exists()
    assert not (two_nights.landing / "x_extract" / str(ON)).exists()


def test_a_night_names_what_was_set_aside_and_goes_on(
    two_nights: Settings, write_drop: WriteDrop, county: County, caplog: pytest.LogCaptureFixture
) -> None:
    write_drop(inbox(two_nights), county(str(ON), 64))
    bad = write_drop(two_nights.inbox / "a_other" / str(ON), {"follower.csv": CSV})
    odd = write_drop(two_nights.inbox / "a_other" / "22 July", {"follower.csv": CSV + ROW})
    run_id = night.run_night(ON)
    assert publish.current_snapshot(two_nights) == run_id
    assert f"set aside, not landed: inbox/a_other/{ON}: UnreadableFileError: follower.csv: has no rows" in caplog.text
    assert "inbox/a_other/22 July: is not a day" in caplog.text
    assert bad.exists() and odd.exists()


def test_a_drop_that_was_set_aside_lands_once_it_is_corrected(two_nights: Settings, write_drop: WriteDrop) -> None:
    drop = write_drop(inbox(two_nights), {"follower.csv": CSV})
    assert night.land_inbox(ON) == []
    assert refused_drops(two_nights)
    write_drop(drop, {"follower.csv": CSV + ROW})
    assert len(night.land_inbox(ON)) == 1
    assert refused_drops(two_nights) == []
    assert not list(two_nights.inbox.rglob("*.txt"))


def test_a_night_without_any_delivery_is_stopped(settings: Settings) -> None:
    stop = stopped(settings, NothingLandedError)
    assert stop.exit_code == 8
    assert runs.records(settings) == []


def test_a_drop_of_a_later_day_waits(settings: Settings, write_drop: WriteDrop) -> None:
    drop = write_drop(settings.inbox / "x_extract" / "2026-07-23", {"follower.csv": CSV + ROW})
    stopped(settings, NothingLandedError)
    assert drop.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("account.csv", "platform,account_id\nx,1\n"),
        ("segments/rider.yml", "segment_id: rider\n"),
        ("bands.yml", "a: 1\n"),
    ],
)
def test_unusable_reference_data_stops_the_night(
    name: str, content: str, two_nights: Settings, write_drop: WriteDrop
) -> None:
    (two_nights.ref / name).write_text(content, encoding="utf-8")
    stop = stopped(two_nights, RefError)
    assert stop.exit_code == 5
    assert Path(name).name in str(stop)


def tenth(county: County) -> dict[str, Any]:
    """A day's drop in which the list of x:1 is a tenth as long as the week before."""
    files = county(str(ON), 64)
    ours = [row for row in files["follower.jsonl.gz"] if row["account_id"] == "1"]
    others = [row for row in files["follower.jsonl.gz"] if row["account_id"] != "1"]
    return files | {"follower.jsonl.gz": [*ours[:6], *others]}


def follows_of(settings: Settings, account_id: str) -> tuple[int, int, bool]:
    """How many follows of an account of ours are open and have ended, and whether its newest list is complete."""
    with duckdb.connect(str(settings.published / publish.LINK), read_only=True) as con:
        [(open_, ended)] = con.execute(
            "SELECT count(*) FILTER (WHERE ended_on IS NULL), count(ended_on) FROM core.follow "
            "WHERE platform = 'x' AND account_id = $account_id",
            {"account_id": account_id},
        ).fetchall()
        [(is_complete,)] = con.execute(
            "SELECT max_by(is_complete, observed_on) FROM core.follower_list "
            "WHERE platform = 'x' AND account_id = $account_id",
            {"account_id": account_id},
        ).fetchall()
    return open_, ended, is_complete


def test_a_list_a_tenth_as_long_ends_no_follow_until_somebody_says_that_it_is_right(
    two_nights: Settings, write_drop: WriteDrop, county: County
) -> None:
    write_drop(inbox(two_nights), tenth(county))
    night.run_night(ON)
    assert follows_of(two_nights, "1") == (64, 0, False)
    with duckdb.connect(str(two_nights.published / publish.LINK), read_only=True) as con:
        [(severity,)] = con.execute(
            "SELECT severity FROM meta.validation_result "
            "WHERE expectation_id = 'follower_list_lost_no_crowd' AND NOT is_success"
        ).fetchall()
    assert severity == "warning"
    accepted = "platform,account_id,observed_on,reason\nx,1,2026-07-22,closed to new followers after a merger\n"
    (two_nights.ref / "accepted_list.csv").write_text(accepted, encoding="utf-8")
    night.run_night(ON)
    assert follows_of(two_nights, "1") == (6, 58, True)


def cut_off(county: County) -> dict[str, Any]:
    """A day's drop in which every list is cut off after the first few rows."""
    files = county(str(ON), 640)
    rows: dict[tuple[str, str], list[Any]] = {}
    for row in files["follower.jsonl.gz"]:
        rows.setdefault((row["platform"], row["account_id"]), []).append(row)
    return files | {"follower.jsonl.gz": [row for part in rows.values() for row in part[:6]]}


def test_lists_that_are_cut_off_together_stop_the_night(
    two_nights: Settings, write_drop: WriteDrop, county: County
) -> None:
    write_drop(two_nights.inbox / "x_extract" / "2026-07-21", county("2026-07-21", 640))
    write_drop(inbox(two_nights), cut_off(county))
    for _ in range(2):  # a second try finds the drop landed, and stops as well
        stop = stopped(two_nights, ValidationStop)
        assert stop.exit_code == 7
        assert "1 critical expectations failed: follower_list_did_not_collapse" in str(stop)
        assert "follower_list_did_not_collapse" in runs.records(two_nights)[-1]["stopped_reason"]


def test_a_list_read_past_midnight_is_one_list(two_nights: Settings, write_drop: WriteDrop, county: County) -> None:
    files = county(str(ON), 64)
    for row in files["follower.jsonl.gz"][:40]:
        row["observed_on"] = "2026-07-21"
    write_drop(inbox(two_nights), files)
    night.run_night(ON)
    assert follows_of(two_nights, "1") == (64, 0, True)


def test_a_list_a_tenth_as_long_that_is_declared_partial_is_no_collapse(
    two_nights: Settings, write_drop: WriteDrop, county: County
) -> None:
    write_drop(inbox(two_nights), tenth(county) | {"manifest.json": {"follower_scope": "partial"}})
    run_id = night.run_night(ON)
    assert publish.current_snapshot(two_nights) == run_id


def test_a_collapsed_list_that_is_sent_again_whole_is_forgotten(
    two_nights: Settings, write_drop: WriteDrop, county: County
) -> None:
    write_drop(inbox(two_nights), tenth(county))
    night.run_night(ON)
    assert follows_of(two_nights, "1") == (64, 0, False)
    write_drop(inbox(two_nights), county(str(ON), 64))
    run_id = night.run_night(ON)
    assert publish.current_snapshot(two_nights) == run_id
    assert follows_of(two_nights, "1") == (64, 0, True)


@pytest.mark.parametrize(
    ("what", "files", "expectation"),
    [
        (
            "two in a hundred of no listed account",
            {
                "follower.csv": CSV
                + "".join(ROW.replace("id7", f"id{n}").replace("x,1", f"x,{1 + 2 * (n < 2)}") for n in range(100))
            },
            "delivery_is_mostly_fit",
        ),
        ("every id through a spreadsheet", {"follower.csv": CSV + ROW.replace("zqid7", "1.2E+17")}, "holds_something"),
        (
            "posts without a zone",
            {"post.csv": "platform,post_id,account_id,posted_at\nx,7,1,2026-07-22T10:00\n"},
            "hold",
        ),
    ],
)
def test_a_delivery_of_which_too_little_can_be_used_stops_the_night(
    what: str, files: Mapping[str, Any], expectation: str, two_nights: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    # A pull, of which every row is landed: nobody can correct a platform's answer.
    land_drop(write_drop(tmp_path / "drop", files), "x_extract", ON, two_nights)
    stop = stopped(two_nights, ValidationStop)
    assert "raw layer" in str(stop)
    assert expectation in str(stop)


def test_one_row_in_a_hundred_that_cannot_be_used_is_counted_and_no_more(
    two_nights: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    rows = "".join(ROW.replace("zqid7", f"zqid{n}") for n in range(99))
    drop = write_drop(tmp_path / "drop", {"follower.csv": CSV + rows + ROW.replace("zqid7", "")})
    land_drop(drop, "other", ON, two_nights)
    run_id = night.run_night(ON)
    with duckdb.connect(str(two_nights.published / publish.LINK), read_only=True) as con:
        found = con.execute(
            "SELECT quarantine_reason, n_rows FROM meta.quarantine WHERE delivery_id LIKE 'other.%'"
        ).fetchall()
        warned = con.execute(
            "SELECT expectation_id FROM meta.validation_result WHERE NOT is_success AND run_id = $id", {"id": run_id}
        ).fetchall()
    assert found == [("member_id is empty", 1)]
    assert ("quarantine_is_empty",) in warned


def test_a_stop_names_the_delivery_the_file_the_reason_and_the_count(
    two_nights: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    rows = "".join(ROW.replace("zqid7", f"zqid{n}") for n in range(99))
    drop = write_drop(tmp_path / "drop", {"follower.csv": CSV + rows + ROW.replace("zqid7", "") * 2})
    landed = land_drop(drop, "other", ON, two_nights)
    stop = stopped(two_nights, ValidationStop)
    assert f"{landed.delivery.delivery_id}, follower.csv: member_id is empty (2 rows)" in str(stop)
    assert "`stillreach quarantine`" in stop.message()
    assert "zq" not in stop.message()


def _good(files: dict[str, Any]) -> dict[str, Any]:
    return files


def _cut_off(files: dict[str, Any]) -> dict[str, Any]:
    return files | {"follower-2.csv": CSV + ROW + 'x,1,zqid8,2026-07-22,"zqbio\n'}


def _unparsable(files: dict[str, Any]) -> dict[str, Any]:
    return files | {"follower-2.jsonl": '{"platform": "x", "bio": "zqbio"}\n{"bio": "zqname" "zqbio"}\n'}


def _too_many_cells(files: dict[str, Any]) -> dict[str, Any]:
    return files | {"follower-2.csv": CSV + ROW + ROW.strip() + ",zqname\n"}


def _unusable(files: dict[str, Any]) -> dict[str, Any]:
    bad = [
        {"platform": "x", "account_id": "1", "member_id": "zqid7", "observed_on": "zqday", "followers_count": "zqmany"},
        {"platform": "x", "account_id": "zqaccount", "member_id": "zqid7", "observed_on": str(ON)},
    ]
    return files | {"follower-2.jsonl": bad * 100}


def _empty_ids(files: dict[str, Any]) -> dict[str, Any]:
    return {"follower.csv": CSV + ROW.replace("zqid7", "")}


@pytest.mark.parametrize(
    "change", [_good, _cut_off, _unparsable, _too_many_cells, _unusable, _empty_ids, "collapse", "cast"]
)
def test_nothing_that_a_night_says_names_a_person(
    change: Any,
    two_nights: Settings,
    write_drop: WriteDrop,
    county: County,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    whole = county(str(ON), 64)
    write_drop(
        inbox(two_nights), tenth(county) if change == "collapse" else whole if change == "cast" else change(whole)
    )
    if change == "cast":  # a fault of ours: DuckDB quotes the value it cannot convert

        def casting(con: duckdb.DuckDBPyConnection, layer: str, settings: Settings, as_of: date) -> None:
            con.execute("CREATE TABLE main.oops AS SELECT CAST(bio AS INTEGER) AS bio FROM raw.follower")

        monkeypatch.setattr(build, "build_layer", casting)
    message = ""
    try:
        night.run_night(ON)
    except StillreachError as stop:
        message = "".join(traceback.format_exception(stop))
    message += "".join(refused for _, refused in refused_drops(two_nights))
    assert bool(message) == (change not in (_good, "collapse"))  # a collapsed list is a warning
    logged = "".join(caplog.handler.format(record) for record in caplog.records)
    assert logged or message
    printed = "".join(capfd.readouterr())
    written = b"".join(path.read_bytes() for path in (two_nights.data / "runs").iterdir()).decode()
    for text in (message, logged, printed, written):
        assert "zq" not in text
    manifests = [path.read_text(encoding="utf-8") for path in two_nights.landing.rglob("manifest.json")]
    assert manifests
    assert "zq" not in "".join(manifests)


def test_a_list_that_the_platform_counts_otherwise_ends_no_follow(
    two_nights: Settings, write_drop: WriteDrop, county: County
) -> None:
    files = tenth(county) | {"manifest.json": {"reported": {"follower": {"x:1": 64}}}}
    write_drop(inbox(two_nights), files)
    night.run_night(ON)
    assert follows_of(two_nights, "1") == (64, 0, False)
    with duckdb.connect(str(two_nights.published / publish.LINK), read_only=True) as con:
        reasons = con.execute(
            "SELECT completeness_reason FROM meta.partial_list WHERE platform = 'x' AND account_id = '1'"
        ).fetchall()
        warned = con.execute("SELECT expectation_id FROM meta.validation_result WHERE NOT is_success").fetchall()
    assert reasons == [("differs from the platform's own count",)]
    assert ("follower_count_agrees_with_platform",) in warned


def test_an_old_list_landed_for_today_brings_nobody_back(
    two_nights: Settings, write_drop: WriteDrop, county: County
) -> None:
    """In a trial a repeated list under a wrong day made 1,515 followers 2,946."""
    accepted = "platform,account_id,observed_on,reason\nx,1,2026-07-22,closed to new followers after a merger\n"
    (two_nights.ref / "accepted_list.csv").write_text(accepted, encoding="utf-8")
    write_drop(inbox(two_nights), tenth(county))
    night.run_night(ON)
    assert follows_of(two_nights, "1") == (6, 58, True)
    old = [row for row in county(str(ON), 64)["follower.jsonl.gz"] if row["account_id"] == "1"]
    write_drop(two_nights.inbox / "again" / str(ON), {"follower.jsonl": old})
    (two_nights.ref / "accepted_list.csv").unlink()
    night.run_night(ON)
    assert follows_of(two_nights, "1")[0] == 64  # the list of that day is contradicted: those before it hold
    with duckdb.connect(str(two_nights.published / publish.LINK), read_only=True) as con:
        reasons = con.execute("SELECT completeness_reason FROM meta.partial_list WHERE account_id = '1'").fetchall()
    assert reasons == [("another complete list of this day holds other people",)]


def test_ids_that_all_changed_end_no_follow(two_nights: Settings, write_drop: WriteDrop, county: County) -> None:
    files = county(str(ON), 64)
    for row in files["follower.jsonl.gz"]:
        if row["account_id"] == "1":
            row["member_id"] = f"{row['member_id']}0"
    write_drop(inbox(two_nights), files)
    night.run_night(ON)
    open_, ended, is_complete = follows_of(two_nights, "1")
    assert (ended, is_complete) == (0, False)
    assert open_ == 64
