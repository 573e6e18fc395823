"""When a row of an extract is usable: the SQL by which landing refuses rows and a night rejects them.

A required value must be there and usable, an account must be in `account.csv`. No day may be later than the
delivery's; an instant may, by the width of the time zones.
"""

from pipelines.common.contract import EXTRACT_TYPES, Column, Table

# A spreadsheet showed the id as 1.22158E+17, or a program as 7.0: its last digits are gone, or another person's.
DAMAGED_ID = r"\d+[.,]\d+[eE]\+?\d+|\d+[eE]\+\d+|\d+\.\d+"
# An object, a list, a boolean, or a control character (NUL is one) where an id should be.
NOT_AN_ID = r"^[{\[]|^(?i:true|false)$|[\x00-\x1f\x7f]"
EARLIEST = "DATE '1990-01-01'"  # no social medium is older; this also rejects -infinity and years before Christ
OFFSET = r".*[+-]\d\d(:?\d\d)?"
BLANKS = "E' \\t\\r\\n\u00a0'"
WHOLE_NUMBER = r"\d{1,18}(\.0+)?"

NO_ACCOUNT = "account_id is not in account.csv"
ACCOUNT_JOIN = "LEFT JOIN ref.account AS known ON came.platform = known.platform AND came.account_id = known.account_id"
UNKNOWN_ACCOUNT = "came.account_id IS NOT NULL AND known.account_id IS NULL"
READ_AS = {
    "text": "id",
    "date": "day (YYYY-MM-DD)",
    "instant": "instant with a zone (2026-09-30T08:15:00Z)",
    "count": "whole number from 0",
    "number": "number",
    "boolean": "true or false",
    "word": "word of the contract",
}


def trimmed(table: Table) -> str:
    """Give the SQL of a table's columns without blanks at their ends; nothing but blanks is NULL."""
    return ", ".join(f"nullif(trim({name}, {BLANKS}), '') AS {name}" for name in table.column_names)


def account_join(table: Table) -> str:
    """Give the SQL that joins the known accounts, where a table has accounts."""
    return ACCOUNT_JOIN if "account_id" in table.column_names else ""


def readable(column: Column, of: str = "") -> str | None:
    """Give the SQL that is true where a value can be read as its type, or None where any text can."""
    name = f"{of}{column.name}"
    match column.type:
        case "date":
            return f"TRY_CAST({name} AS DATE) IS NOT NULL"
        case "instant":
            return (
                f"(substr({name}, 11, 1) IN ('T', ' ', 't') AND "
                f"(right({name}, 1) IN ('Z', 'z') OR regexp_full_match(right({name}, 6), '{OFFSET}')) AND "
                f"TRY_CAST({name} AS TIMESTAMPTZ) IS NOT NULL)"
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
            damaged = f"({suspicious} AND regexp_full_match({name}, '{DAMAGED_ID}'))"
            return f"NOT ({damaged} OR regexp_matches({name}, '{NOT_AN_ID}'))"
    assert column.type in EXTRACT_TYPES, column.type
    return None


def usable(column: Column, of: str = "") -> str | None:
    """Give the SQL that is true where a value is readable and within its bounds, or None where any text is usable."""
    is_readable = readable(column, of)
    too_early, too_late = _out_of_bounds(column, of)
    return f"({is_readable} AND NOT {too_early} AND NOT {too_late})" if too_early else is_readable


def rejection(table: Table) -> str:
    """Give the SQL for the reason why a night rejects a row, or NULL; the first reason that applies."""
    cases = []
    for column in table.columns:
        if column.required:
            cases.append(f"WHEN came.{column.name} IS NULL THEN '{column.name} is empty'")
            if is_usable := usable(column, "came."):
                kind = "id" if column.type == "text" else column.type
                cases.append(f"WHEN NOT coalesce({is_usable}, false) THEN '{column.name} is no usable {kind}'")
    if "account_id" in table.column_names:
        cases.append(f"WHEN {UNKNOWN_ACCOUNT} THEN '{NO_ACCOUNT}'")
    return f"CASE {' '.join(cases)} END"


def problems(table: Table) -> str:
    """Give the SQL for a list of all that is wrong with a row, a sentence for each column.

    An optional time that can be read but lies out of bounds is none: people can forge it, and a night sets it to
    unknown.
    """
    found = []
    for column in table.columns:
        value, cases = f"came.{column.name}", []
        if column.required:
            cases.append(f"WHEN {value} IS NULL THEN '{column.name} is empty'")
        if is_readable := readable(column, "came."):
            unread = f"{value} IS NOT NULL AND NOT coalesce({is_readable}, false)"
            cases.append(f"WHEN {unread} THEN '{column.name} is no {READ_AS[column.type]}'")
        too_early, too_late = _out_of_bounds(column, "came.")
        if column.required and too_early:
            cases.append(f"WHEN {too_early} THEN '{column.name} is before 1990'")
            cases.append(f"WHEN {too_late} THEN '{column.name} is later than the day of the delivery'")
        found += [f"CASE {' '.join(cases)} END"] if cases else []
    if "account_id" in table.column_names:
        found.append(f"CASE WHEN {UNKNOWN_ACCOUNT} THEN '{NO_ACCOUNT}' END")
    return f"list_filter([{', '.join(found)}], lambda one: one IS NOT NULL)"


def _out_of_bounds(column: Column, of: str) -> tuple[str, str]:
    """Give the SQL that is true where a readable time is too early, and where it is too late; empty for other types."""
    name = f"{of}{column.name}"
    if column.type == "date":
        day = f"TRY_CAST({name} AS DATE)"
        return f"({day} < {EARLIEST})", f"({day} > {of}snapshot_on)"
    if column.type == "instant":
        instant = f"TRY_CAST({name} AS TIMESTAMPTZ)"
        return f"({instant} < {EARLIEST})", f"({instant} >= {of}snapshot_on + INTERVAL 2 DAY)"
    return "", ""
