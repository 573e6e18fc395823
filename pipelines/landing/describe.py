"""Describe a copied drop as a delivery: tables, columns, row counts by account, and the oldest follower list."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from pipelines.common import database
from pipelines.common.contract import Table, table_of
from pipelines.common.disk import sha256_of
from pipelines.common.progress import shown
from pipelines.common.settings import Settings
from pipelines.landing.declaration import FOLLOWER, Declaration
from pipelines.landing.extract_file import inspect, relation
from pipelines.landing.manifest import Collected, Delivery, LandedFile


def describe(files: list[Path], declaration: Declaration, source: str, on: date, settings: Settings) -> Delivery:
    """Inspect each file, compare it with the declaration, and give the delivery, without an id yet.

    Raises `UnreadableFileError` or `SchemaError`.
    """
    con = database.connect(None, settings)
    landed: list[LandedFile] = []
    accounts: list[Collected] = []
    oldest_list = on.isoformat()
    try:
        for file in shown(files, f"inspect {source} {on}"):
            table = table_of(file.name)
            one = _landed_file(con, file, table)
            declaration.check_file(one.name, one.sha256, one.rows)
            landed.append(one)
            rows = relation(file, table, tuple(one.columns))
            accounts += _accounts(con, rows, one, declaration)
            oldest_list = min(oldest_list, _oldest_list(con, rows, table) or oldest_list)
    finally:
        con.close()
    accounts = _added_up(accounts)
    n_followers = {(one.platform, one.account_id): one.collected for one in accounts if one.table == FOLLOWER}
    declaration.check_follower_lists(n_followers)
    ignored = [
        f"{one.name}: ignored unknown columns {', '.join(one.unknown_columns)}" for one in landed if one.unknown_columns
    ]
    return Delivery(
        delivery_id="",
        source=source,
        snapshot_on=on.isoformat(),
        landed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        follower_scope=declaration.follower_scope,
        first_observed_on=oldest_list,
        files=landed,
        accounts=accounts,
        notes=ignored + declaration.notes,
        completeness=declaration.completeness,
    )


def _landed_file(con: duckdb.DuckDBPyConnection, file: Path, table: Table) -> LandedFile:
    contents = inspect(con, file, table)
    return LandedFile(
        file.name,
        table.name.removeprefix("raw."),
        file.stat().st_size,
        sha256_of(file),
        contents.rows,
        list(contents.columns),
        list(contents.unknown_columns),
    )


def _accounts(con: duckdb.DuckDBPyConnection, rows: str, file: LandedFile, declaration: Declaration) -> list[Collected]:
    """Count the rows of each account, where the file has accounts."""
    if "account_id" not in file.columns or "platform" not in file.columns:
        return []
    per_account = f"SELECT platform, account_id, count(*) FROM {rows} WHERE platform || account_id IS NOT NULL"
    counts = sorted(con.execute(f"{per_account} GROUP BY ALL").fetchall())
    return [
        Collected(file.table, platform, account_id, n, declaration.n_reported(file.table, platform, account_id))
        for platform, account_id, n in counts
    ]


def _oldest_list(con: duckdb.DuckDBPyConnection, rows: str, table: Table) -> str | None:
    """The day of the oldest follower list: nights from that day on have to be built again."""
    if "observed_on" not in table.required:
        return None
    day = "TRY_CAST(observed_on AS DATE)"
    oldest = f"SELECT CAST(min({day}) AS VARCHAR) FROM {rows} WHERE {day} >= DATE '1990-01-01'"
    found = con.execute(oldest).fetchone()
    return str(found[0]) if found and found[0] else None


def _added_up(accounts: list[Collected]) -> list[Collected]:
    """One count per table and account, however many files it came in."""
    total: dict[tuple[str, str, str], Collected] = {}
    for one in accounts:
        key = (one.table, one.platform, one.account_id)
        total[key] = replace(one, collected=one.collected + (total[key].collected if key in total else 0))
    return list(total.values())
