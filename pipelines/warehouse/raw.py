"""Load a night's deliveries as they came, and accept or reject every row with a reason.

A row without a usable required value is rejected. A row whose optional value is unusable is accepted without that
value: an unreadable creation date must not lose a follower. Both are counted.
"""

import duckdb

from pipelines.common import database
from pipelines.common.contract import EXTRACT_TYPES, Column, Table, contracts
from pipelines.common.errors import UnreadableFileError
from pipelines.common.progress import shown
from pipelines.common.query import query
from pipelines.common.settings import Settings
from pipelines.landing import extract_file
from pipelines.landing.declaration import FOLLOWER
from pipelines.landing.manifest import Delivery
from pipelines.warehouse import build

# A spreadsheet showed the id as 1.22158E+17, or a program as 7.0: its last digits are gone, or another person's.
DAMAGED_ID = r"\d+[.,]\d+[eE]\+?\d+|\d+[eE]\+\d+|\d+\.0"
EARLIEST = "DATE '1990-01-01'"  # no social medium is older; this also rejects -infinity and years before Christ
OFFSET = r".*[+-]\d\d(:?\d\d)?"
BLANKS = "E' \\t\\r\\n\u00a0'"
WHOLE_NUMBER = r"\d{1,18}(\.0+)?"


def load(con: duckdb.DuckDBPyConnection, deliveries: list[Delivery], settings: Settings) -> None:
    """Fill `raw.*` with the files of some deliveries, and `stg.empty_list`; tables without a file stay empty.

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
                _insert(con, landed.table, extract_file.relation(landed, tuple(file.columns)), delivery)
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


def _insert(con: duckdb.DuckDBPyConnection, table: Table, relation: str, delivery: Delivery) -> None:
    """Insert a file's rows into its table of `raw`, in three steps: trim the values, test them, keep what fits."""
    optional = [column.name for column in table.columns if not column.required and _usable(column)]
    trimmed = ", ".join(f"nullif(trim({name}, {BLANKS}), '') AS {name}" for name in table.column_names)
    about = f"'{database.quoted(delivery.delivery_id)}' AS delivery_id, DATE '{delivery.snapshot_on}' AS snapshot_on"
    con.execute(f"CREATE OR REPLACE TEMP VIEW came AS SELECT {about}, {trimmed} FROM {relation}")

    tests = ", ".join(
        f"came.{column.name} IS NULL OR coalesce({_usable(column, 'came.')}, false) AS {column.name}_fits"
        for column in table.columns
        if column.name in optional
    )
    added = ", ".join(filter(None, (f"{_scope(table, delivery)} AS follower_scope", tests)))
    reason = f"{_reason(table)} AS quarantine_reason"
    source = f"FROM came {_account_join(table)}"
    con.execute(f"CREATE OR REPLACE TEMP VIEW tested AS SELECT came.*, {added}, {reason} {source}")

    values = ", ".join(
        f"CASE WHEN {name}_fits THEN {name} END AS {name}" if name in optional else name for name in table.column_names
    )
    broken = ", ".join(f"CASE WHEN NOT {name}_fits THEN '{name}' END" for name in optional)
    unusable = f"list_filter([{broken}], lambda name: name IS NOT NULL)" if broken else "[]"
    columns = f"delivery_id, snapshot_on, follower_scope, {values}, quarantine_reason, {unusable} AS unusable_columns"
    con.execute(f"INSERT INTO {table.name} BY NAME SELECT {columns} FROM tested")


def _scope(table: Table, delivery: Delivery) -> str:
    """Give the SQL for how complete a row's follower list is: partial where its account's is, else as declared."""
    cut_short = [
        f"('{database.quoted(one.platform)}', '{database.quoted(one.account_id)}')"
        for one in delivery.completeness
        if one.kind == FOLLOWER and one.scope == "partial"
    ]
    declared = f"'{delivery.follower_scope}'"
    if table.name != "raw.follower" or not cut_short:
        return declared
    return f"CASE WHEN (came.platform, came.account_id) IN ({', '.join(cut_short)}) THEN 'partial' ELSE {declared} END"


def _account_join(table: Table) -> str:
    if "account_id" not in table.column_names:
        return ""
    return "LEFT JOIN ref.account AS known ON came.platform = known.platform AND came.account_id = known.account_id"


def _reason(table: Table) -> str:
    """Give the SQL for the reason why a row is rejected, or NULL; the first reason that applies."""
    cases = []
    for column in table.columns:
        if column.required:
            cases.append(f"WHEN came.{column.name} IS NULL THEN '{column.name} is empty'")
            if usable := _usable(column, "came."):
                cases.append(f"WHEN NOT ({usable}) THEN '{column.name} is no usable {_kind(column)}'")
    if "account_id" in table.column_names:
        cases.append(
            "WHEN came.account_id IS NOT NULL AND known.account_id IS NULL THEN 'account_id is not in account.csv'"
        )
    return f"CASE {' '.join(cases)} END"


def _kind(column: Column) -> str:
    return "id" if column.type == "text" else column.type


def _usable(column: Column, of: str = "") -> str | None:
    """Give the SQL that is true where a value is usable, or None where any text is.

    No day may be later than the delivery's; an instant may, by the width of the time zones.
    """
    name = f"{of}{column.name}"
    match column.type:
        case "date":
            return f"coalesce(TRY_CAST({name} AS DATE) BETWEEN {EARLIEST} AND {of}snapshot_on, false)"
        case "instant":
            return (
                f"substr({name}, 11, 1) IN ('T', ' ', 't') AND "
                f"(right({name}, 1) IN ('Z', 'z') OR regexp_full_match(right({name}, 6), '{OFFSET}')) AND "
                f"coalesce(TRY_CAST({name} AS TIMESTAMPTZ) >= {EARLIEST} "
                f"AND TRY_CAST({name} AS TIMESTAMPTZ) < {of}snapshot_on + INTERVAL 2 DAY, false)"
            )
        case "count":
            return f"regexp_full_match({name}, '{WHOLE_NUMBER}')"
        case "number":
            return f"coalesce(isfinite(TRY_CAST({name} AS DOUBLE)), false)"
        case "boolean":
            return f"TRY_CAST({name} AS BOOLEAN) IS NOT NULL"
        case "word":
            return f"{name} IN ({', '.join(repr(value) for value in column.values)})"
        case "text" if column.name.endswith("_id"):
            suspicious = f"(contains({name}, '+') OR contains({name}, '.'))"
            return f"NOT ({suspicious} AND regexp_full_match({name}, '{DAMAGED_ID}'))"
    assert column.type in EXTRACT_TYPES, column.type
    return None
