"""A snapshot is whole, says what it holds, holds no text of a person, and is published by one flip of a link."""

import fcntl
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import night
from pipelines.common.errors import BusyError, PublishError
from pipelines.common.settings import Settings
from pipelines.warehouse import publication_order, publish, runs
from pipelines.warehouse.state import snapshot_path, state_path

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
County = Callable[..., dict[str, Any]]

# What conftest puts into every field of a person, and the stem of their ids.
MARKERS = ("zqhandle", "zqname", "zqbio", "zqlocation", "zqreply", "zqpost", "zqid")


def rows_of(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.published / publish.LINK), read_only=True) as con:
        return con.execute(query).fetchall()


def fake_snapshots(settings: Settings, *ids: str) -> None:
    """Write snapshots with their restricted halves, each younger than the one before."""
    for age, one in enumerate(ids):
        for path in (snapshot_path(settings, one), state_path(settings, one)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
            os.utime(path, (1_000_000 + age, 1_000_000 + age))


@pytest.fixture
def no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the audit out where it is not what is tested: it is most of a tiny night."""
    monkeypatch.setattr(night, "check", lambda run_id, layer: None)


def test_every_published_table_is_there_as_its_contract_says_and_commented(two_nights: Settings) -> None:
    found = rows_of(two_nights, "SELECT schema_name, table_name, comment FROM duckdb_tables() ORDER BY ALL")
    wanted = {table.name: table for schema in publish.PUBLISHED_SCHEMAS for table in publish.published_tables(schema)}
    assert {f"{schema}.{name}": comment for schema, name, comment in found} == {
        name: table.row for name, table in wanted.items()
    }
    columns = rows_of(
        two_nights,
        "SELECT schema_name || '.' || table_name, column_name, comment FROM duckdb_columns() "
        "WHERE database_name = current_database() AND NOT internal ORDER BY table_oid, column_index",
    )
    assert sorted(columns) == sorted(
        (name, column.name, column.description) for name, table in wanted.items() for column in table.columns
    )
    assert all(comment for *_, comment in [*found, *columns])


def test_a_snapshot_is_one_read_only_file_and_its_restricted_half_is_for_its_owner_alone(two_nights: Settings) -> None:
    kept = publish.snapshots(two_nights)
    assert len(kept) == 2
    for one in kept:
        assert stat.S_IMODE(snapshot_path(two_nights, one).stat().st_mode) == 0o440
        assert stat.S_IMODE(state_path(two_nights, one).stat().st_mode) == 0o600
    assert stat.S_IMODE((two_nights.work / "state").stat().st_mode) == 0o700
    assert {path.suffix for path in (two_nights.published / "snapshots").iterdir()} == {".duckdb"}
    link = two_nights.published / publish.LINK
    assert str(link.readlink()) == f"snapshots/{kept[-1]}.duckdb"


def test_no_raw_or_typed_row_is_published(two_nights: Settings) -> None:
    schemas = rows_of(two_nights, "SELECT DISTINCT schema_name FROM duckdb_tables()")
    assert {row[0] for row in schemas} == set(publish.PUBLISHED_SCHEMAS)
    assert rows_of(two_nights, "SELECT count(*) FROM duckdb_views() WHERE NOT internal") == [(0,)]


def test_no_text_and_no_id_of_a_person_stands_anywhere_in_a_snapshot(two_nights: Settings) -> None:
    text_columns = rows_of(
        two_nights,
        "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() "
        "WHERE NOT internal AND data_type LIKE '%VARCHAR%'",
    )
    assert len(text_columns) > 50
    for table, column in text_columns:
        found = rows_of(two_nights, f"SELECT count(*) FROM {table} WHERE CAST({column} AS VARCHAR) ILIKE '%zq%'")
        assert found == [(0,)], f"{table}.{column}"
    # The bytes too: what was deleted or copied by accident would lie between the tables.
    for one in publish.snapshots(two_nights):
        content = snapshot_path(two_nights, one).read_bytes()
        assert [marker for marker in MARKERS if marker.encode() in content] == []
        # The restricted half shows that the markers would be found, and that it holds the profile alone.
        restricted = state_path(two_nights, one).read_bytes()
        assert {marker for marker in MARKERS if marker.encode() in restricted} == {"zqname", "zqbio", "zqlocation"}


def test_nothing_of_a_person_is_left_in_the_work_folder_but_the_restricted_half(two_nights: Settings) -> None:
    left = [path for path in two_nights.work.rglob("*") if path.is_file() and path.parent.name != "state"]
    assert left == []
    reachable = [two_nights.published, two_nights.data / "runs", two_nights.reports]
    for path in (path for folder in reachable for path in folder.rglob("*") if path.is_file()):
        assert b"zq" not in path.read_bytes(), path.name


def test_rollback_goes_back_one_snapshot_and_no_further_than_there_is(two_nights: Settings) -> None:
    first, second = publish.snapshots(two_nights)
    assert publish.current_snapshot(two_nights) == second
    assert publish.rollback(two_nights) == first
    assert publish.current_snapshot(two_nights) == first
    assert rows_of(two_nights, "SELECT DISTINCT as_of FROM mart.segment_reach") == [(date(2026, 7, 8),)]
    with pytest.raises(PublishError, match="has no earlier snapshot to go back to"):
        publish.rollback(two_nights)
    assert publish.current_snapshot(two_nights) == first
    assert publish.flip(two_nights, second)
    assert publish.current_snapshot(two_nights) == second


def test_where_nothing_is_published_there_is_nothing_to_roll_back(settings: Settings) -> None:
    assert publish.current_snapshot(settings) is None
    assert publish.snapshots(settings) == []
    with pytest.raises(PublishError):
        publish.rollback(settings)


def test_a_night_goes_on_from_the_newest_state_after_a_rollback_too(
    two_nights: Settings, no_report: None, no_check: None
) -> None:
    first, second = publish.snapshots(two_nights)
    publish.rollback(two_nights)
    run_id = night.run_night(date(2026, 7, 16))
    assert publish.current_snapshot(two_nights) == run_id
    assert runs.records(two_nights)[-1]["base_snapshot_id"] == second
    assert publish.snapshots(two_nights) == [first, second, run_id]


def test_a_backfilled_night_gets_its_snapshot_and_not_the_link(
    two_nights: Settings, no_report: None, no_check: None, write_drop: WriteDrop, county: County
) -> None:
    first, second = publish.snapshots(two_nights)
    write_drop(two_nights.inbox / "x_extract" / "2026-07-10", county("2026-07-10", 62))
    run_id = night.run_night(date(2026, 7, 10))
    assert publish.current_snapshot(two_nights) == second
    assert publish.snapshots(two_nights) == [first, run_id, second]
    assert not publish.flip(two_nights, run_id)
    # What arrived late is in the next night all the same.
    night.run_night(date(2026, 7, 15))
    lists = rows_of(two_nights, "SELECT DISTINCT observed_on FROM core.follower_list ORDER BY ALL")
    assert [str(row[0]) for row in lists] == ["2026-07-08", "2026-07-10", "2026-07-15"]


def test_prune_keeps_as_many_as_are_kept_and_removes_the_oldest_written_with_their_restricted_halves(
    settings: Settings,
) -> None:
    days = [f"2026-07-{day:02}-20260801T000000-aaaa" for day in range(1, 8)]
    fake_snapshots(settings, *days)
    publish.flip(settings, days[-1])
    assert publish.prune(replace(settings, keep_snapshots=3)) == days[:4]
    assert publish.snapshots(settings) == days[4:]
    assert sorted(path.stem for path in (settings.work / "state").iterdir()) == days[4:]
    assert publish.prune(replace(settings, keep_snapshots=3)) == []


def test_prune_never_removes_the_published_snapshot_nor_the_one_before_it(settings: Settings) -> None:
    days = [f"2026-07-{day:02}-20260801T000000-aaaa" for day in range(1, 8)]
    fake_snapshots(settings, *days)
    for one in days[:3]:
        publish.flip(settings, one)
    assert publish.current_snapshot(settings) == days[2]
    assert publish.prune(replace(settings, keep_snapshots=1)) == [days[0], *days[3:6]]
    assert publish.snapshots(settings) == [days[1], days[2], days[6]]
    assert publish.rollback(settings) == days[1]


def written_with(settings: Settings, *ids: str) -> None:
    """Write and publish fake snapshots one after the other."""
    for one in ids:
        fake_snapshots(settings, one)
        publication_order.record_written(settings, one)
        publish.flip(settings, one)


def test_rollback_follows_the_order_of_publication_when_the_clock_was_set_back(settings: Settings) -> None:
    # The same day three times; the clock of the second is a year behind, that of the third the same second.
    first, second, third = (
        "2026-07-08-20260801T000000-bbbb",
        "2026-07-08-20250801T000000-cccc",
        "2026-07-08-20250801T000000-aaaa",
    )
    written_with(settings, first, second, third)
    assert publish.snapshots(settings) == [first, second, third]
    assert publish.rollback(settings) == second
    assert publish.rollback(settings) == first
    with pytest.raises(PublishError, match="no earlier snapshot"):
        publish.rollback(settings)


def test_rollback_passes_over_a_backfill_and_what_an_earlier_rollback_left_behind(settings: Settings) -> None:
    first, bad, backfill, good = (f"2026-07-{day:02}-20260801T000000-aaaa" for day in (8, 12, 5, 15))
    written_with(settings, first, bad, backfill)
    assert publish.current_snapshot(settings) == bad
    assert publish.rollback(settings) == first
    written_with(settings, good)
    assert publish.rollback(settings) == first


def test_prune_removes_what_was_written_first_when_the_clock_was_set_back(settings: Settings) -> None:
    ids = [f"2026-07-08-202{9 - n}0801T000000-aaaa" for n in range(5)]
    written_with(settings, *ids)
    for age, one in enumerate(reversed(ids)):
        os.utime(snapshot_path(settings, one), (1_000_000 + age, 1_000_000 + age))
    assert publish.prune(replace(settings, keep_snapshots=2)) == ids[:3]
    assert publication_order.read(settings) == publication_order.Order(tuple(ids[3:]), tuple(ids[3:]))


def test_a_publication_killed_before_the_link_moved_is_not_in_the_order(settings: Settings) -> None:
    first, second, killed, third = (f"2026-07-{day:02}-20260801T000000-aaaa" for day in (8, 9, 10, 11))
    written_with(settings, first, second)
    publication_order.record_published(settings, killed, (first, second))
    assert publish.rollback(settings) == first
    written_with(settings, third)
    assert publication_order.read(settings).published == (first, third)


def test_a_damaged_record_of_the_order_is_named(settings: Settings) -> None:
    written_with(settings, "2026-07-08-20260801T000000-aaaa")
    (settings.published / publication_order.RECORD).write_text("[", encoding="utf-8")
    with pytest.raises(PublishError, match=r"order\.json: is not a record of snapshots"):
        publish.rollback(settings)


def test_a_night_prunes_what_the_deployment_does_not_keep(
    two_nights: Settings, no_report: None, no_check: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLREACH_KEEP_SNAPSHOTS", "2")
    second = publish.snapshots(two_nights)[-1]
    run_id = night.run_night(date(2026, 7, 15))
    assert publish.snapshots(two_nights) == sorted([second, run_id])


def test_a_snapshot_that_does_not_read_back_is_not_published(
    two_nights: Settings, no_report: None, no_check: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = publish.current_snapshot(two_nights), publish.snapshots(two_nights)

    def broken(path: Path, settings: Settings) -> None:
        raise PublishError(path.name, "does not read back")

    monkeypatch.setattr(publish, "smoke_test", broken)
    with pytest.raises(PublishError, match="does not read back"):
        night.run_night(date(2026, 7, 16))
    assert (publish.current_snapshot(two_nights), publish.snapshots(two_nights)) == before
    record = runs.records(two_nights)[-1]
    assert record["status"] == "stopped"
    assert "PublishError" in record["stopped_reason"]


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        ("no table of mart", "DROP TABLE mart.segment_size"),
        ("a column short", "ALTER TABLE mart.segment_size DROP COLUMN title"),
        ("no account", "DELETE FROM mart.account_scorecard"),
        ("shares apart", "UPDATE mart.segment_reach SET fair_share_people = fair_share_people + 1"),
        ("signatures apart", "DELETE FROM mart.reach_signature"),
    ],
)
def test_the_smoke_test_refuses(what: str, damage: str, two_nights: Settings, tmp_path: Path) -> None:
    path = tmp_path / "copy.duckdb"
    shutil.copy(snapshot_path(two_nights, publish.snapshots(two_nights)[-1]), path)
    path.chmod(0o600)
    publish.smoke_test(path, two_nights)
    with duckdb.connect(str(path)) as con:
        con.execute(damage)
    with pytest.raises(PublishError, match=r"copy\.duckdb"):
        publish.smoke_test(path, two_nights)


def test_a_flipped_byte_of_a_snapshot_is_refused_or_harmless(two_nights: Settings, tmp_path: Path) -> None:
    whole = snapshot_path(two_nights, publish.snapshots(two_nights)[-1]).read_bytes()
    refused = 0
    for n in range(12):
        at = (2 * n + 1) * len(whole) // 24
        path = tmp_path / f"copy{n}.duckdb"
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            publish.smoke_test(path, two_nights)
        except PublishError:
            refused += 1
    assert refused


def test_what_is_no_database_is_refused_by_name(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "rubbish.duckdb"
    path.write_bytes(b"rubbish" * 10_000)
    with pytest.raises(PublishError, match=r"rubbish\.duckdb"):
        publish.smoke_test(path, settings)


def test_two_publishes_at_once_are_one_too_many(two_nights: Settings) -> None:
    first = publish.snapshots(two_nights)[0]
    with (two_nights.published / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BusyError), publish.publishing(two_nights):
            publish.flip(two_nights, first)
        with pytest.raises(BusyError):
            publish.rollback(two_nights)


READER = """
import sys, duckdb
from pathlib import Path
link, stop, n = sys.argv[1], Path(sys.argv[2]), 0
while not stop.exists():
    with duckdb.connect(link, read_only=True) as con:
        days = [con.execute(f"SELECT min(as_of)::VARCHAR || max(as_of)::VARCHAR FROM mart.{table}").fetchall()[0][0]
                for table in ("segment_reach", "reach_signature", "account_scorecard", "segment_size")]
        days.append(con.execute("SELECT max(observed_on)::VARCHAR FROM core.follower_list").fetchall()[0][0] * 2)
    assert len(set(days)) == 1, days
    n += 1
print(n, flush=True)
import os; os._exit(0)
"""


def test_readers_meet_no_error_and_no_mixture_while_the_link_flips(two_nights: Settings, tmp_path: Path) -> None:
    link, stop = two_nights.published / publish.LINK, tmp_path / "stop"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(link), str(stop)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    second = publish.snapshots(two_nights)[-1]
    try:
        time.sleep(1)
        for _ in range(15):
            publish.rollback(two_nights)
            time.sleep(0.05)
            publish.flip(two_nights, second)
            time.sleep(0.05)
    finally:
        stop.touch()
        reported = [reader.communicate(timeout=30) for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0], [errors for _, errors in reported]
    assert all(int(n_read) > 5 for n_read, _ in reported)
