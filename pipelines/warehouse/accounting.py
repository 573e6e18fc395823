"""What became of every row that came: rows in = loaded + quarantined + duplicate, per delivery and table."""

from collections.abc import Sequence

import duckdb

from pipelines.contract import contracts
from pipelines.delivery import Delivery

ACCOUNTED = ("delivery", "quarantine", "follower_count")


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
    """Write tonight's deliveries into `meta.delivery`, `meta.quarantine` and `meta.follower_count`.

    Needs `raw` and `stg`. A row stands in `stg` for `n_rows` rows of its delivery: one loaded, the rest duplicates.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE landed AS SELECT * FROM meta.delivery WHERE false")
    landed = [_facts(one, table) for one in deliveries for table in sorted({file.table for file in one.files})]
    _insert(con, "landed", landed)
    for name in contracts("raw"):
        con.execute(_quarantine(name))
        con.execute(_fates(name))
    counted = [
        (one.delivery_id, account.platform, account.account_id, account.collected, account.reported)
        for one in deliveries
        for account in one.accounts
        if account.table == "follower"
    ]
    _insert(con, "meta.follower_count", counted)


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        con.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _facts(delivery: Delivery, table: str) -> tuple[object, ...]:
    """What the manifest says of one table of a delivery, in the order of `meta.delivery`; fates still unknown."""
    files = [file for file in delivery.files if file.table == table]
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
        None,
        None,
        None,
        delivery.notes,
    )


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
