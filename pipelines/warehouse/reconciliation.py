"""Account for every row that arrived, and for missing data.

Rows in = loaded + quarantined + duplicate, per delivery and table; how complete each list is, per account and kind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from datetime import date

import duckdb

from pipelines.common import database
from pipelines.common.contract import contracts
from pipelines.common.query import query
from pipelines.common.settings import Settings
from pipelines.landing.declaration import FOLLOWER
from pipelines.landing.deliveries import file_with
from pipelines.landing.file_copy import PROOFS
from pipelines.landing.manifest import Collected, Delivery
from pipelines.warehouse import build

ACCOUNTED = ("delivery", "quarantine", "completeness")

# Files whose rows are entries of an account's lists, and the kinds of lists that a sender may declare for each.
LISTED = {FOLLOWER: (FOLLOWER,), "post": ("post",), "engagement": ("like", "repost", "quote", "reply", "mention")}
NO_TABLE = "nothing"


def create_meta(con: duckdb.DuckDBPyConnection, *, is_incremental: bool) -> None:
    """Create the `meta` tables; an incremental night takes over the counts of its base."""
    con.execute("CREATE SCHEMA IF NOT EXISTS meta")
    for table in contracts("meta").values():
        build.create_table(con, table)
    if is_incremental:
        for name in ACCOUNTED:
            con.execute(f"INSERT INTO meta.{name} SELECT * FROM last_snapshot.meta.{name}")


def account_for(con: duckdb.DuckDBPyConnection, deliveries: tuple[Delivery, ...], *, reported_apart: float) -> None:
    """Write tonight's deliveries into `meta.delivery`, `meta.quarantine` and `meta.completeness`.

    Needs `raw` and `stg`. A row of `stg` represents `n_rows` rows of its delivery: one loaded, the rest duplicates.
    A delivery without a file has one row, of no table: it was read, and it was empty.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE landed AS SELECT * FROM meta.delivery WHERE false")
    landed = [_facts(one, table) for one in deliveries for table in sorted({file.table for file in one.files})]
    database.insert(con, "landed", landed)
    for name in contracts("raw"):
        _count_rows(con, name)
    database.insert(con, "meta.delivery", [_facts(one, NO_TABLE) for one in deliveries if not one.files])
    database.insert(con, "meta.completeness", [row for one in deliveries for row in _completeness(one, reported_apart)])
    con.execute(query("warehouse/remove_unlisted_accounts"))


def await_sources(
    con: duckdb.DuckDBPyConnection, sources: Iterable[str], deliveries: Iterable[Delivery], as_of: date
) -> None:
    """Write `meta.source_arrival`: which of the configured sources have landed for this day."""
    newest: dict[str, str] = {}
    for one in deliveries:
        newest[one.source] = max(one.snapshot_on, newest.get(one.source, ""))
    rows: list[tuple[object, ...]] = []
    for source in sources:
        is_here = newest.get(source) == as_of.isoformat()
        reason = None if is_here else f"had not landed when the night of {as_of} began"
        rows.append((source, is_here, newest.get(source), reason))
    con.execute("DELETE FROM meta.source_arrival")
    database.insert(con, "meta.source_arrival", rows)


def rejections(con: duckdb.DuckDBPyConnection, allowed_share: float, settings: Settings) -> str:
    """Say which deliveries had too many rows rejected: delivery, file, reason and count, without a value."""
    found = con.execute(query("warehouse/rejections"), {"share": allowed_share}).fetchall()
    return "".join(
        f"; {delivery_id}, {file_with(table, delivery_id, settings)}: {reason} ({n:,} rows)"
        for delivery_id, table, reason, n in found
    )


def _facts(delivery: Delivery, table: str) -> tuple[object, ...]:
    """Give one table of a delivery as its manifest has it, a row of `meta.delivery`; the counts come later."""
    files = [file for file in delivery.files if file.table == table]
    unknown = None if files else 0
    return (
        delivery.delivery_id,
        delivery.source,
        delivery.snapshot_on,
        delivery.landed_at,
        table,
        delivery.follower_scope,
        len(files),
        sum(file.bytes for file in files),
        sum(file.rows for file in files),
        unknown,
        unknown,
        unknown,
        max((file.integrity for file in files), key=PROOFS.index, default=None),
        delivery.published_notes,
    )


def _completeness(delivery: Delivery, reported_apart: float) -> list[tuple[object, ...]]:
    """Give what is known about each list of a delivery, as rows of `meta.completeness`.

    A list without a declaration by its sender is known by its rows alone.
    """
    partial = delivery.partial_follower_lists(reported_apart)
    has_declaration = {(one.platform, one.account_id, one.kind) for one in delivery.completeness}
    about = (delivery.delivery_id, delivery.source, delivery.snapshot_on)
    rows: list[tuple[object, ...]] = []
    for one in delivery.completeness:
        reason = partial.get((one.platform, one.account_id)) if one.kind == FOLLOWER else None
        is_complete = one.scope == "complete" and delivery.follower_scope == "complete"
        scope = "partial" if reason else one.scope
        rows.append((*about, *astuple(one)[:-2], scope, is_complete, reason or one.reason or None))
    for counted in delivery.accounts:
        kinds = {(counted.platform, counted.account_id, kind) for kind in LISTED.get(counted.table, ())}
        if kinds and not has_declaration & kinds:
            rows.append((*about, *_counted_row(counted, delivery, partial)))
    return rows


def _counted_row(one: Collected, delivery: Delivery, partial: Mapping[tuple[str, str], str]) -> tuple[object, ...]:
    """Give a list known by its rows: followers are complete unless they are partial, other lists are unknown."""
    reason = partial.get((one.platform, one.account_id)) if one.table == FOLLOWER else None
    is_complete = one.table == FOLLOWER and delivery.follower_scope == "complete"
    scope = "partial" if reason else "complete" if one.table == FOLLOWER else "unknown"
    counts = (None, one.reported, one.collected, None, None, None, None)
    return (one.platform, one.account_id, one.table, *counts, scope, is_complete, reason)


def _count_rows(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Count the rows of `raw.<name>` and `stg.<name>` by delivery, and insert the counts."""
    broken = f"SELECT delivery_id, quarantine_reason, unusable_columns FROM raw.{name}"
    loaded = f"SELECT delivery_id, count(*) AS n_rows_loaded, sum(n_rows - 1) AS n_rows_duplicate FROM stg.{name}"
    con.execute(f"CREATE OR REPLACE TEMP VIEW judged_row AS {broken}")
    con.execute(f"CREATE OR REPLACE TEMP VIEW loaded_rows AS {loaded} GROUP BY delivery_id")
    con.execute(query("warehouse/add_quarantine"), {"name": name})
    con.execute(query("warehouse/add_delivery"), {"name": name})
