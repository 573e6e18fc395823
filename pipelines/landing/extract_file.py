"""What one file of the extract contract holds, and the SQL that reads it: landing and loading both use this."""

import csv
import gzip
import io
import re
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import IO, cast

import duckdb
import zstandard

from pipelines.common import database
from pipelines.common.contract import FILE_NAME, Table, table_of
from pipelines.common.errors import SchemaError, UnreadableFileError

ID_TYPE = re.compile(r"VARCHAR|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|UUID|ENUM\(.*\)")
FLOATS = ("FLOAT", "DOUBLE")
NESTED = re.compile(r"\[\d*\]$|^(STRUCT|MAP|UNION)\b|^BLOB$")
LONGEST_LINE = 16 << 20  # a JSON document on one line is not JSON Lines, and would fill the memory


@dataclass(frozen=True)
class ExtractFile:
    """One file of a drop: the contract's table that it holds, its format (`csv`, `jsonl` or `parquet`) and packing."""

    path: Path
    table: Table
    format: str
    packed: str | None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def literal(self) -> str:
        """The path as a SQL literal."""
        return "'" + str(self.path).replace("'", "''") + "'"


@dataclass(frozen=True)
class FileContents:
    """What a file holds: rows by platform and account, the contract's columns present, and columns it does not know.

    Rows that name no account stand under None. `oldest_on` is the day of the oldest follower list, `n_lists_of_days`
    the number of accounts whose lists have rows of several days.
    """

    rows: dict[tuple[str, str] | None, int]
    columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    oldest_on: date | None
    n_lists_of_days: int = 0

    @property
    def n_rows(self) -> int:
        return sum(self.rows.values())


def extract_file(path: Path) -> ExtractFile:
    """Recognise a file by its name.

    Raises `SchemaError` where the extract contract has no such file name.
    """
    table, name = table_of(path.name), FILE_NAME.fullmatch(path.name)
    assert name, path.name  # table_of has matched the same expression
    return ExtractFile(path, table, name["format"], name["packed"])


def inspect(con: duckdb.DuckDBPyConnection, file: ExtractFile) -> FileContents:
    """Count the rows and name the columns of an intact file.

    Raises `UnreadableFileError` where DuckDB cannot parse all of it, `SchemaError` where a required column is missing
    or an id is a floating-point number (it has lost its last digits).
    """
    found = _found_columns(con, file)
    _check_schema(file, found)
    present = tuple(name for name in file.table.column_names if name in found)
    # Counting every column makes DuckDB parse every value of it.
    parse_all = ", ".join(f'count("{name}")' for name in present)
    account = "CASE WHEN platform || account_id IS NOT NULL THEN [platform, account_id] END"
    day = "TRY_CAST(observed_on AS DATE)" if "observed_on" in file.table.required else "CAST(NULL AS DATE)"
    days = f"min({day}) FILTER ({day} >= DATE '1990-01-01'), count(DISTINCT {day})"
    counted = con.execute(
        f"SELECT {account if 'account_id' in file.table.column_names else 'NULL'} AS account, count(*), {days}, "
        f"{parse_all} FROM {relation(file, present)} GROUP BY account ORDER BY account"
    ).fetchall()
    if not counted:
        raise UnreadableFileError(file.name, "has no rows", hint="leave the file out where there are no rows")
    return FileContents(
        {(one[0][0], one[0][1]) if one[0] else None: one[1] for one in counted},
        present,
        tuple(name for name in found if name not in file.table.column_names),
        min((one[2] for one in counted if one[2]), default=None),
        sum(one[3] > 1 for one in counted if one[0]),
    )


def relation(file: ExtractFile, present: tuple[str, ...]) -> str:
    """The SQL that reads a file's contract columns as text; columns it lacks are NULL."""
    if file.format == "csv":
        types = ", ".join(f"'{database.quoted(name)}': 'VARCHAR'" for name in _csv_header(file))
        source = (
            f"read_csv({file.literal}, columns = {{{types}}}, auto_detect = false, header = true, "
            "delim = ',', quote = '\"', escape = '\"', strict_mode = true, max_line_size = 16777216)"
        )
    elif file.format == "jsonl":
        types = ", ".join(f"'{name}': 'VARCHAR'" for name in file.table.column_names)
        source = (
            f"read_json({file.literal}, columns = {{{types}}}, format = 'newline_delimited', "
            f"maximum_object_size = {LONGEST_LINE})"
        )
    else:
        source = f"read_parquet({file.literal})"
    columns = (
        f'CAST("{name}" AS VARCHAR) AS {name}' if name in present else f"CAST(NULL AS VARCHAR) AS {name}"
        for name in file.table.column_names
    )
    return f"(SELECT {', '.join(columns)} FROM {source})"


def open_unpacked(file: ExtractFile) -> IO[bytes]:
    """Open a file for reading, unpacked where its name ends in `.gz` or `.zst`."""
    if file.packed == "gz":
        return cast(IO[bytes], gzip.open(file.path, "rb"))
    if file.packed == "zst":
        return cast(IO[bytes], zstandard.open(file.path, "rb"))
    return file.path.open("rb")


def _found_columns(con: duckdb.DuckDBPyConnection, file: ExtractFile) -> dict[str, str]:
    if file.format == "csv":
        return dict.fromkeys(_csv_header(file), "VARCHAR")
    if file.format == "jsonl":
        rows = con.execute(
            "SELECT DISTINCT unnest(json_keys(json)) FROM "
            f"read_ndjson_objects({file.literal}, maximum_object_size = {LONGEST_LINE})"
        ).fetchall()
        return dict.fromkeys(sorted(row[0] for row in rows), "VARCHAR")
    return database.columns_of(con, f"SELECT * FROM read_parquet({file.literal})")


def _csv_header(file: ExtractFile) -> list[str]:
    with open_unpacked(file) as source:
        text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
        header = [name.strip() for name in next(csv.reader(text), [])]
    nameless = [n for n, name in enumerate(header, start=1) if not name]
    if nameless:
        raise SchemaError(file.name, f"has no name for column {nameless[0]}", hint="does its header end with a comma?")
    if len(set(header)) < len(header):
        raise SchemaError(file.name, "has a column twice in its header")
    return header


def _check_schema(file: ExtractFile, found: dict[str, str]) -> None:
    missing = [name for name in file.table.required if name not in found]
    if missing:
        unknown = [name for name in found if name not in file.table.column_names]
        near = get_close_matches(missing[0], unknown, n=1)
        # By position, not by name: in a file without a header the first line holds values of people.
        place = f"is column {list(found).index(near[0]) + 1} meant for {missing[0]}?" if near else ""
        if file.format == "csv" and len(found) == 1 and next(iter(found)).count(";") >= 2:
            raise SchemaError(
                file.name,
                "has semicolons between its columns; the extract contract has commas",
                hint="write commas, or land it through a column map with `delimiter: ';'` (docs/MAPPED.md)",
            )
        raise SchemaError(
            file.name,
            f"lacks the required column{'s' * (len(missing) > 1)} {', '.join(missing)}; it has {len(found)} columns",
            known=file.table.column_names,
            hint=place or "see docs/EXTRACTS.md",
        )
    for name, kind in found.items():
        if name.endswith("_id") and name in file.table.column_names and not ID_TYPE.fullmatch(kind):
            raise SchemaError(
                file.name,
                f"holds {name} as {'a floating-point number' if kind in FLOATS else kind.split('(')[0]}",
                known=("text", "whole numbers"),
                hint="ids are text: a number with a fraction has lost their last digits",
            )
        if name in file.table.column_names and NESTED.search(kind):
            raise SchemaError(file.name, f"holds {name} as a list or structure", hint="give one value a row")
