"""What became of every row that came, and what did not come.

Rows in = loaded + quarantined + duplicate, per delivery and table; lists whole or partial, per account and kind.
"""

from collections.abc import Iterable
from dataclasses import astuple
from datetime import date

import duckdb

from pipelines.common import database
from pipelines.common.contract import contracts
from pipelines.landing.declaration import FOLLOWER
from pipelines.landing.manifest import Collected, Delivery

ACCOUNTED = ("delivery", "quarantine", "completeness")

# Files whose rows are entries of an account's lists, and the kinds of lists that a sender may account for beside each.
LISTED = {FOLLOWER: (FOLLOWER,), "post": ("post",), "engagement": ("like", "repost", "quote", "reply", "mention")}
NO_TABLE = "nothing"


def create_meta(con: duckdb.DuckDBPyConnection, *, goes_on: bool) -> None:
    """Make the `meta` tables; a night that goes on from another takes over what that one accounted for."""
    con.execute("CREATE SCHEMA IF NOT EXISTS meta")
    for name, table in contracts("meta").items():
        columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
        con.execute(f"CREATE OR REPLACE TABLE meta.{name} ({columns})")
    if goes_on:
        for name in ACCOUNTED:
            con.execute(f"INSERT INTO meta.{name} SELECT * FROM last_snapshot.meta.{name}")


def account_for(con: duckdb.DuckDBPyConnection, deliveries: tuple[Delivery, ...]) -> None:
    """Write tonight's deliveries into `meta.delivery`, `meta.quarantine` and `meta.completeness`.

    Needs `raw` and `stg`. A row stands in `stg` for `n_rows` rows of its delivery: one loaded, the rest duplicates.
    A delivery without a file has one row, of no table: it is in the numbers, and brought nothing.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE landed AS SELECT * FROM meta.delivery WHERE false")
    landed = [_facts(one, table) for one in deliveries for table in sorted({file.table for file in one.files})]
    database.insert(con, "landed", landed)
    for name in contracts("raw"):
        con.execute(_quarantine(name))
        con.execute(_fates(name))
    database.insert(con, "meta.delivery", [_facts(one, NO_TABLE) for one in deliveries if not one.files])
    database.insert(con, "meta.completeness", [row for one in deliveries for row in _completeness(one)])


def await_sources(
    con: duckdb.DuckDBPyConnection, sources: Iterable[str], deliveries: Iterable[Delivery], as_of: date
) -> None:
    """Write `meta.source_arrival`: which of the sources that should have landed by this day did."""
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


def _facts(delivery: Delivery, table: str) -> tuple[object, ...]:
    """What the manifest says of one table of a delivery, in the order of `meta.delivery`; fates still unknown."""
    files = [file for file in delivery.files if file.table == table]
    fate = None if files else 0
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
        fate,
        fate,
        fate,
        delivery.notes,
    )


def _completeness(delivery: Delivery) -> list[tuple[object, ...]]:
    """What is known of each list of a delivery, in the order of `meta.completeness`.

    A list that its sender says nothing of is known by its rows alone.
    """
    told = [(*astuple(one)[:-1], one.reason or None) for one in delivery.completeness]
    spoken_of = {row[:3] for row in told}
    counted = [
        _counted_row(one, delivery)
        for one in delivery.accounts
        if not spoken_of & {(one.platform, one.account_id, kind) for kind in LISTED.get(one.table, ())}
        and one.table in LISTED
    ]
    return [(delivery.delivery_id, delivery.source, delivery.snapshot_on, *row) for row in told + counted]


def _counted_row(one: Collected, delivery: Delivery) -> tuple[object, ...]:
    """A list known by its rows: followers are whole unless declared partial (docs/EXTRACTS.md), of others who knows."""
    scope, reason = "unknown", None
    if one.table == FOLLOWER:
        is_partial = delivery.follower_scope == "partial"
        scope, reason = ("partial", "declared partial by its sender") if is_partial else ("complete", None)
    fetched = (None, None, None, None)
    return (one.platform, one.account_id, one.table, None, one.reported, one.collected, *fetched, scope, reason)


def _quarantine(name: str) -> str:
    return f"""
        INSERT INTO meta.quarantine
        SELECT delivery_id, '{name}', 'row kept out', quarantine_reason, count(*)
        FROM raw.{name} WHERE quarantine_reason IS NOT NULL GROUP BY ALL
        UNION ALL
        SELECT delivery_id, '{name}', 'value set to unknown', column_name || ' is unusable', count(*)
        FROM (
            SELECT delivery_id, unnest(unusable_columns) AS column_name
            FROM raw.{name} WHERE quarantine_reason IS NULL AND len(unusable_columns) > 0
        ) GROUP BY ALL
    """


def _fates(name: str) -> str:
    return f"""
        INSERT INTO meta.delivery
        SELECT landed.* REPLACE (
            coalesce(fit.n_rows_loaded, 0) AS n_rows_loaded,
            coalesce(kept_out.n_rows_quarantined, 0) AS n_rows_quarantined,
            coalesce(fit.n_rows_duplicate, 0) AS n_rows_duplicate
        )
        FROM landed
        LEFT JOIN (
            SELECT delivery_id, count(*) AS n_rows_loaded, sum(n_rows - 1) AS n_rows_duplicate
            FROM stg.{name} GROUP BY delivery_id
        ) AS fit USING (delivery_id)
        LEFT JOIN (
            SELECT delivery_id, count(*) AS n_rows_quarantined
            FROM raw.{name} WHERE quarantine_reason IS NOT NULL GROUP BY delivery_id
        ) AS kept_out USING (delivery_id)
        WHERE landed.table_name = '{name}'
    """
