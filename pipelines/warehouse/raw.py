"""Load a night's deliveries as they came, and accept or reject every row with a reason.

A row without a usable required value is rejected. A row whose optional value is unusable is accepted without that
value: an unreadable creation date must not lose a follower. Both are counted.
"""

import duckdb

from pipelines.common import database
from pipelines.common.contract import Table, contracts
from pipelines.common.errors import UnreadableFileError
from pipelines.common.progress import shown
from pipelines.common.query import query
from pipelines.common.settings import Settings
from pipelines.landing import extract_file, row_rules
from pipelines.landing.manifest import Delivery
from pipelines.warehouse import build


def load(
    con: duckdb.DuckDBPyConnection, deliveries: list[Delivery], settings: Settings, *, reported_apart: float
) -> None:
    """Fill `raw.*` with the files of some deliveries, and `stg.empty_list`; tables without a file stay empty.

    A follower list that differs from the platform's own count by more than the share `reported_apart` is partial.
    Needs `ref.account`. Raises `UnreadableFileError` without a value of any row.
    """
    con.execute("CREATE SCHEMA IF NOT EXISTS raw")
    for name, table in contracts("raw").items():
        con.execute(f"CREATE OR REPLACE TABLE raw.{name} ({_definition(table)})")
    con.execute("BEGIN")
    for delivery in shown(deliveries, "load"):
        for file in delivery.files:
            path = delivery.folder(settings) / file.name
            landed = extract_file.extract_file(path)
            with database.without_values(UnreadableFileError, f"{delivery.delivery_id}/{file.name}"):
                scope = _scope(landed.table, delivery, reported_apart)
                _insert(con, landed.table, extract_file.relation(landed, tuple(file.columns)), delivery, scope)
    con.execute("COMMIT")
    _note_empty_lists(con, deliveries)


def _note_empty_lists(con: duckdb.DuckDBPyConnection, deliveries: list[Delivery]) -> None:
    """Write `stg.empty_list`: a verified empty list has no rows, so the sender's declaration is the evidence."""
    con.execute("CREATE SCHEMA IF NOT EXISTS stg")
    build.create_table(con, contracts("stg")["empty_list"])
    for delivery in deliveries:
        about = {"delivery_id": delivery.delivery_id, "snapshot_on": delivery.snapshot_on}
        for one in delivery.empty_lists:
            account = {"platform": one.platform, "account_id": one.account_id}
            con.execute(query("warehouse/add_empty_list"), about | account)


def _definition(table: Table) -> str:
    columns = ", ".join(f"{name} VARCHAR" for name in table.column_names)
    first, last = "delivery_id VARCHAR, snapshot_on DATE, follower_scope VARCHAR", "quarantine_reason VARCHAR"
    return f"{first}, {columns}, {last}, unusable_columns VARCHAR[]"


def _insert(con: duckdb.DuckDBPyConnection, table: Table, relation: str, delivery: Delivery, scope: str) -> None:
    """Insert a file's rows into its table of `raw`, in three steps: trim the values, test them, keep what fits."""
    optional = [column.name for column in table.columns if not column.required and row_rules.usable(column)]
    about = f"'{database.quoted(delivery.delivery_id)}' AS delivery_id, DATE '{delivery.snapshot_on}' AS snapshot_on"
    con.execute(f"CREATE OR REPLACE TEMP VIEW came AS SELECT {about}, {row_rules.trimmed(table)} FROM {relation}")

    tests = ", ".join(
        f"came.{column.name} IS NULL OR coalesce({row_rules.usable(column, 'came.')}, false) AS {column.name}_fits"
        for column in table.columns
        if column.name in optional
    )
    added = ", ".join(filter(None, (f"{scope} AS follower_scope", tests)))
    reason = f"{row_rules.rejection(table)} AS quarantine_reason"
    source = f"FROM came {row_rules.account_join(table)}"
    con.execute(f"CREATE OR REPLACE TEMP VIEW tested AS SELECT came.*, {added}, {reason} {source}")

    values = ", ".join(
        f"CASE WHEN {name}_fits THEN {name} END AS {name}" if name in optional else name for name in table.column_names
    )
    broken = ", ".join(f"CASE WHEN NOT {name}_fits THEN '{name}' END" for name in optional)
    unusable = f"list_filter([{broken}], lambda name: name IS NOT NULL)" if broken else "[]"
    columns = f"delivery_id, snapshot_on, follower_scope, {values}, quarantine_reason, {unusable} AS unusable_columns"
    con.execute(f"INSERT INTO {table.name} BY NAME SELECT {columns} FROM tested")


def _scope(table: Table, delivery: Delivery, reported_apart: float) -> str:
    """Give the SQL for how complete a row's follower list is: partial where its account's is, else as declared."""
    cut_short = [
        f"('{database.quoted(platform)}', '{database.quoted(account_id)}')"
        for platform, account_id in delivery.partial_follower_lists(reported_apart)
    ]
    declared = f"'{delivery.follower_scope}'"
    if table.name != "raw.follower" or not cut_short:
        return declared
    return f"CASE WHEN (came.platform, came.account_id) IN ({', '.join(cut_short)}) THEN 'partial' ELSE {declared} END"
