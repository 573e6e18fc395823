"""What one file of the extract contract holds, and the SQL that reads it: landing and loading both use this."""

import csv
import io
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import duckdb

from pipelines.common import database
from pipelines.common.contract import Table
from pipelines.common.errors import SchemaError, UnreadableFileError
from pipelines.landing.file_integrity import LONGEST_LINE, format_of, open_unpacked


@dataclass(frozen=True)
class FileContents:
    """What a file holds: its rows, the contract's columns present, and columns the contract does not have."""

    rows: int
    columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]


def inspect(con: duckdb.DuckDBPyConnection, path: Path, table: Table) -> FileContents:
    """Count the rows and name the columns of an intact file.

    Raises `UnreadableFileError` where DuckDB cannot parse all of it, `SchemaError` where a required column is missing
    or an id is a floating-point number (it has lost its last digits).
    """
    with database.without_values(UnreadableFileError, path.name, hint="it is cut off, corrupted or misnamed"):
        found = _found_columns(con, path)
        _check_schema(path, table, found)
        present = tuple(name for name in table.column_names if name in found)
        read_all = ", ".join(f'count("{name}")' for name in present)
        counted = con.execute(f"SELECT count(*), {read_all} FROM {relation(path, table, present)}").fetchone()
    assert counted
    if counted[0] == 0:
        raise UnreadableFileError(path.name, "has no rows", hint="leave the file out where there are no rows")
    return FileContents(counted[0], present, tuple(name for name in found if name not in table.column_names))


def relation(path: Path, table: Table, present: tuple[str, ...]) -> str:
    """The SQL that reads a file's contract columns as text; columns it lacks are NULL."""
    if format_of(path) == "csv":
        header = _csv_header(path)
        types = ", ".join(f"'{database.quoted(name)}': 'VARCHAR'" for name in header)
        source = (
            f"read_csv('{database.quoted(path)}', columns = {{{types}}}, auto_detect = false, header = true, "
            "delim = ',', quote = '\"', escape = '\"', strict_mode = true, max_line_size = 16777216)"
        )
    elif format_of(path) == "jsonl":
        types = ", ".join(f"'{name}': 'VARCHAR'" for name in table.column_names)
        source = (
            f"read_json('{database.quoted(path)}', columns = {{{types}}}, format = 'newline_delimited', "
            f"maximum_object_size = {LONGEST_LINE})"
        )
    else:
        source = f"read_parquet('{database.quoted(path)}')"
    columns = (
        f'CAST("{name}" AS VARCHAR) AS {name}' if name in present else f"CAST(NULL AS VARCHAR) AS {name}"
        for name in table.column_names
    )
    return f"(SELECT {', '.join(columns)} FROM {source})"


def _found_columns(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    if format_of(path) == "csv":
        return dict.fromkeys(_csv_header(path), "VARCHAR")
    if format_of(path) == "jsonl":
        rows = con.execute(
            "SELECT DISTINCT unnest(json_keys(json)) FROM "
            f"read_ndjson_objects('{database.quoted(path)}', maximum_object_size = {LONGEST_LINE})"
        ).fetchall()
        return dict.fromkeys(sorted(row[0] for row in rows), "VARCHAR")
    return database.columns_of(con, f"SELECT * FROM read_parquet('{database.quoted(path)}')")


def _csv_header(path: Path) -> list[str]:
    with open_unpacked(path) as source:
        text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
        header = [name.strip() for name in next(csv.reader(text), [])]
    nameless = [n for n, name in enumerate(header, start=1) if not name]
    if nameless:
        raise SchemaError(path.name, f"has no name for column {nameless[0]}", hint="does its header end with a comma?")
    if len(set(header)) < len(header):
        raise SchemaError(path.name, "has a column twice in its header")
    return header


def _check_schema(path: Path, table: Table, found: dict[str, str]) -> None:
    missing = [name for name in table.required if name not in found]
    if missing:
        unknown = [name for name in found if name not in table.column_names]
        near = get_close_matches(missing[0], unknown, n=1)
        # By position, not by name: in a file without a header the first line holds values of people.
        place = f"is column {list(found).index(near[0]) + 1} meant for {missing[0]}?" if near else ""
        raise SchemaError(
            path.name,
            f"lacks the required column{'s' * (len(missing) > 1)} {', '.join(missing)}; it has {len(found)} columns",
            known=table.column_names,
            hint=place or "see docs/EXTRACTS.md",
        )
    floats = [name for name, kind in found.items() if name.endswith("_id") and kind in ("DOUBLE", "FLOAT")]
    if floats:
        raise SchemaError(
            path.name,
            f"holds {', '.join(floats)} as floating-point numbers",
            hint="ids are text: a float has lost their last digits",
        )
