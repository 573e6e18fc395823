"""Publish whole or not at all: a fresh snapshot, reopened and questioned, then one flip of a link."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipelines.common import database
from pipelines.common.contract import Table, contracts
from pipelines.common.disk import for_group, group_folder, sync_folder
from pipelines.common.errors import BusyError, PublishError
from pipelines.common.query import query
from pipelines.common.settings import SQL, Settings
from pipelines.warehouse import publication_order
from pipelines.warehouse.state import snapshot_path, state_path

PUBLISHED_SCHEMAS = ("ref", "core", "mart", "meta")
OLDEST_READER = "v1.4.0"  # the file format that DuckDB 1.4.5 opens
LINK = "current.duckdb"

# Labels of people stay in the restricted area; the marts say who is reached.
KEPT_BACK = (
    "core.active_spell",
    "core.audit_hit",
    "core.member_home",
    "core.presence",
    "core.reach_set",
    "ref.audit_judgement",
    "ref.audit_label",
)


def write_snapshot(con: duckdb.DuckDBPyConnection, settings: Settings, snapshot_id: str) -> Path:
    """Copy the published schemas of the open work file into a new file, commented, synced, read-only.

    Copying into a fresh file leaves no byte of a person's text behind, as deleting would.
    """
    path = snapshot_path(settings, snapshot_id)
    group_folder(path.parent, settings.group)
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    con.execute(f"ATTACH '{database.quoted(unfinished)}' AS snapshot (STORAGE_VERSION '{OLDEST_READER}')")
    con.execute("BEGIN")
    for schema in PUBLISHED_SCHEMAS:
        con.execute(f"CREATE SCHEMA snapshot.{schema}")
        for table in published_tables(schema):
            con.execute(f"CREATE TABLE snapshot.{table.name} AS SELECT {_columns(table)} FROM {table.name}")
            _comment(con, table)
    _create_macros(con)
    con.execute("COMMIT")
    con.execute("DETACH snapshot")
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    for_group(unfinished, settings.group, file_mode=0o440)
    smoke_test(unfinished, settings)
    unfinished.rename(path)
    sync_folder(path.parent)
    publication_order.record_written(settings, snapshot_id)
    return path


def _create_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Put every question of `sql/macro` that takes arguments beside the tables it asks."""
    (own,) = con.execute("SELECT current_database()").fetchone() or ()
    con.execute("USE snapshot")
    for path in sorted((SQL / "macro").glob("*.sql")):
        with database.without_values(PublishError, path.name):
            con.execute(path.read_text(encoding="utf-8"))
    con.execute(f'USE "{own}"')


def published_tables(schema: str) -> list[Table]:
    """The tables of a schema that a snapshot holds."""
    return [table for table in contracts(schema).values() if table.name not in KEPT_BACK]


def smoke_test(path: Path, settings: Settings) -> None:
    """Reopen a snapshot as a reader would and ask it what every reader asks.

    Raises `PublishError` where it lacks a table, the marts are empty, or their sums do not agree.
    """
    con = None
    try:
        con = database.connect(path, settings, read_only=True)
        for schema in PUBLISHED_SCHEMAS:
            for table in published_tables(schema):
                con.execute(f"SELECT {_columns(table)} FROM {table.name} LIMIT 1").fetchall()
        for macro in sorted((SQL / "macro").glob("*.sql")):
            con.execute(f"FROM mart.{macro.stem}() LIMIT 1").fetchall()
        apart = con.execute(query("warehouse/unequal_fair_shares")).fetchone()
        rows = con.execute("SELECT count(*) FROM mart.account_scorecard").fetchone()
    except duckdb.Error as failure:
        raise PublishError(path.name, f"does not read back ({type(failure).__name__})") from None
    finally:
        if con:
            con.close()
    if not rows or not rows[0]:
        raise PublishError(path.name, "has no account in mart.account_scorecard")
    if apart and apart[0]:
        raise PublishError(path.name, f"has {apart[0]} segments whose fair shares do not sum to their net reach")


def flip(settings: Settings, snapshot_id: str) -> bool:
    """Point `current.duckdb` at a snapshot, unless a later day is published already; tell whether it did."""
    current = current_snapshot(settings)
    if current and current[:10] > snapshot_id[:10]:
        return False
    before = (*published_before(settings), current) if current else ()
    publication_order.record_published(settings, snapshot_id, before)
    _point(settings, snapshot_id)
    return True


@database.with_room("rollback")
def rollback(settings: Settings) -> str:
    """Point `current.duckdb` at the snapshot published before, whatever their days and the clock, and name it.

    Raises `PublishError` where there is none.
    """
    with publishing(settings):
        earlier = published_before(settings)
        if not earlier:
            raise PublishError(LINK, "has no earlier snapshot to go back to", known=snapshots(settings))
        _point(settings, earlier[-1])
    return earlier[-1]


def published_before(settings: Settings) -> tuple[str, ...]:
    """The kept snapshots that were published before the current one, in that order.

    Where an earlier version of Stillreach published the current one, their names stand in for the order.
    """
    current, kept = current_snapshot(settings), snapshots(settings)
    published = publication_order.read(settings).published
    if current not in published:
        return tuple(one for one in kept if current and one < current)
    return tuple(one for one in published[: published.index(current)] if one in kept)


def current_snapshot(settings: Settings) -> str | None:
    """The id of the published snapshot, if there is one."""
    link = settings.published / LINK
    return link.readlink().stem if link.is_symlink() else None


def snapshots(settings: Settings) -> list[str]:
    """The ids of all kept snapshots, oldest day first, those of one day as they were written."""
    written = {one: n for n, one in enumerate(publication_order.read(settings).written)}
    kept = [path.stem for path in (settings.published / "snapshots").glob("*.duckdb")]
    return sorted(kept, key=lambda one: (one[:10], written.get(one, -1), one))


def prune(settings: Settings) -> list[str]:
    """Remove the snapshots written longest ago beyond those kept, with their restricted halves.

    Never the published one, nor the one a rollback would go to.
    """
    written = {one: n for n, one in enumerate(publication_order.read(settings).written)}
    by_age = sorted(
        snapshots(settings), key=lambda one: (written.get(one, -1), snapshot_path(settings, one).stat().st_mtime_ns)
    )
    protected = {current_snapshot(settings), *published_before(settings)[-1:]}
    removed = [one for one in by_age[: -settings.keep_snapshots] if one not in protected]
    for one in removed:
        snapshot_path(settings, one).unlink()
    if removed:
        publication_order.forget(settings, removed)
    kept = set(snapshots(settings))
    for state in (settings.work / "state").glob("*.duckdb"):
        if state.stem not in kept:
            state_path(settings, state.stem).unlink()
    return removed


def put_in_place(unfinished: Path, folder: Path) -> None:
    """Swap a finished folder in; a kill in between leaves what was there, the new one, or none, never half."""
    before = folder.with_name(f".{folder.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if folder.exists():
        folder.rename(before)
    unfinished.rename(folder)
    shutil.rmtree(before, ignore_errors=True)
    sync_folder(folder.parent)


def _point(settings: Settings, snapshot_id: str) -> None:
    beside = settings.published / f".{LINK}.next"
    beside.unlink(missing_ok=True)
    beside.symlink_to(Path("snapshots") / f"{snapshot_id}.duckdb")
    beside.rename(settings.published / LINK)
    sync_folder(settings.published)


def _columns(table: Table) -> str:
    return ", ".join(table.column_names)


def _comment(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    con.execute(f"COMMENT ON TABLE snapshot.{table.name} IS '{database.quoted(table.row)}'")
    for column in table.columns:
        con.execute(f"COMMENT ON COLUMN snapshot.{table.name}.{column.name} IS '{database.quoted(column.description)}'")


@contextmanager
def publishing(settings: Settings) -> Iterator[None]:
    """Be the only one who publishes; what is unfinished then was left by a kill, and goes.

    Raises `BusyError` where another publish runs.
    """
    group_folder(settings.published, settings.group)
    with (settings.published / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("publish", "another publish runs", hint="try again shortly") from None
        for folder in (settings.published / "snapshots", settings.work / "state"):
            for left in folder.glob("*.unfinished*"):
                left.unlink()
        yield
