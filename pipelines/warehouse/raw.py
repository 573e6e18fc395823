"""Load tonight's deliveries as they came, and give every row its fate: fit, or kept out with a reason.

A row without a usable required value is kept out. A row whose optional value is unusable keeps its place and
loses that value: a broken date of birth of an account must not lose a follower. Both are counted.
"""

import duckdb

from pipelines.common import database
from pipelines.common.contract import EXTRACT_TYPES, Column, Table, contracts
from pipelines.common.errors import UnreadableFileError
from pipelines.common.progress import shown
from pipelines.common.settings import Settings
from pipelines.landing import extract_file
from pipelines.landing.declaration import FOLLOWER
from pipelines.landing.manifest import Delivery

# A spreadsheet showed the id as 1.22158E+17, or a program as 7.0: its last digits are gone, or another person's.
DAMAGED_ID = r"\d+[.,]\d+[eE]\+?\d+|\d+[eE]\+\d+|\d+\.0"
EARLIEST = "DATE '1990-01-01'"  # nothing social is older; also keeps out -infinity and years before Christ
OFFSET = r".*[+-]\d\d(:?\d\d)?"
BLANKS = "E' \\t\\r\\n\u00a0'"
WHOLE_NUMBER = r"\d{1,18}(\.0+)?"

EMPTY_LIST = "stg.empty_list"


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
            table = contracts("raw")[file.table]
            relation = extract_file.relation(path, table, tuple(file.columns))
            with database.without_values(UnreadableFileError, f"{delivery.delivery_id}/{file.name}"):
                con.execute(_insert(table, relation, delivery))
    con.execute("COMMIT")
    _note_empty_lists(con, deliveries)


def _note_empty_lists(con: duckdb.DuckDBPyConnection, deliveries: list[Delivery]) -> None:
    """Write `stg.empty_list`: a list of nobody has no row that could say it was read, its sender's word does."""
    columns = ", ".join(f"{column.name} {column.type}" for column in contracts("stg")["empty_list"].columns)
    con.execute("CREATE SCHEMA IF NOT EXISTS stg")
    con.execute(f"CREATE OR REPLACE TABLE {EMPTY_LIST} ({columns})")
    for delivery in deliveries:
        for one in delivery.empty_lists:
            con.execute(
                f"INSERT INTO {EMPTY_LIST} SELECT $delivery_id, platform, account_id, CAST($on AS DATE) "
                "FROM ref.account WHERE platform = $platform AND account_id = $account_id",
                {"delivery_id": delivery.delivery_id, "on": delivery.snapshot_on}
                | {"platform": one.platform, "account_id": one.account_id},
            )


def _definition(table: Table) -> str:
    columns = [f"{name} VARCHAR" for name in table.column_names]
    return ", ".join(
        [
            "delivery_id VARCHAR",
            "snapshot_on DATE",
            "follower_scope VARCHAR",
            *columns,
            "quarantine_reason VARCHAR",
            "unusable_columns VARCHAR[]",
        ]
    )


def _insert(table: Table, relation: str, delivery: Delivery) -> str:
    optional = [column.name for column in table.columns if not column.required and _usable(column)]
    trimmed = ", ".join(f"nullif(trim({name}, {BLANKS}), '') AS {name}" for name in table.column_names)
    judgements = "".join(
        f"came.{column.name} IS NULL OR coalesce({_usable(column, 'came.')}, false) AS {column.name}_fits, "
        for column in table.columns
        if column.name in optional
    )
    kept = ", ".join(
        f"CASE WHEN {name}_fits THEN {name} END AS {name}" if name in optional else name for name in table.column_names
    )
    broken = ", ".join(f"CASE WHEN NOT {name}_fits THEN '{name}' END" for name in optional)
    unusable = f"list_filter([{broken}], lambda name: name IS NOT NULL)" if broken else "[]"
    return f"""
        INSERT INTO raw.{table.name.removeprefix("raw.")} BY NAME
        WITH came AS (
            SELECT
                '{database.quoted(delivery.delivery_id)}' AS delivery_id,
                DATE '{delivery.snapshot_on}' AS snapshot_on,
                {trimmed}
            FROM {relation}
        ), judged AS (
            SELECT
                came.*, {_scope(table, delivery)} AS follower_scope, {judgements}{_reason(table)} AS quarantine_reason
            FROM came
            {_account_join(table)}
        )
        SELECT
            delivery_id, snapshot_on, follower_scope, {kept}, quarantine_reason, {unusable} AS unusable_columns
        FROM judged
    """


def _scope(table: Table, delivery: Delivery) -> str:
    """SQL for how complete a row's follower list is: partial if its account's was cut short, else as its delivery."""
    cut_short = [
        f"('{database.quoted(one.platform)}', '{database.quoted(one.account_id)}')"
        for one in delivery.completeness
        if one.kind == FOLLOWER and one.scope == "partial"
    ]
    told = f"'{delivery.follower_scope}'"
    if table.name != "raw.follower" or not cut_short:
        return told
    return f"CASE WHEN (came.platform, came.account_id) IN ({', '.join(cut_short)}) THEN 'partial' ELSE {told} END"


def _account_join(table: Table) -> str:
    if "account_id" not in table.column_names:
        return ""
    return "LEFT JOIN ref.account AS known ON came.platform = known.platform AND came.account_id = known.account_id"


def _reason(table: Table) -> str:
    """SQL that says why a row is kept out, or NULL; the first complaint wins."""
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
    """SQL that is true where a value can be used, or None where any text can.

    No day may lie after the delivery's own; an instant may by the width of the time zones.
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
