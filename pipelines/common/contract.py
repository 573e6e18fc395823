"""The contracts of tables: what a row is, its key, its columns. Read from the YAML file beside each table's SQL.

A column of our own tables is one line: `name: TYPE`, then `NOT NULL` where a value is always there, then
`one of a | b | c` where the values are a closed list. Columns of the key are not null unless the line says `NULL`.
Validation turns these lines into expectations (`pipelines/validation/contract_suite.py`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipelines.common.errors import ModelError, SchemaError
from pipelines.common.settings import SQL

# The kinds of values an extract holds.
EXTRACT_TYPES = ("text", "word", "date", "instant", "count", "number", "boolean")
FILE_NAME = re.compile(r"(?P<table>[a-z_]+)(-[\w.-]+?)?\.(?P<format>csv|jsonl|parquet)(\.(?P<packed>gz|zst))?")
NO_CONTRACT_FILE = (
    "is it an export as a platform gives it? Then name its --source (x_archive, x_analytics, meta, instagram, linkedin,"
    " youtube_studio, or one with a column map: docs/MAPPED.md); else rename it (docs/EXTRACTS.md)"
)
COLUMN = re.compile(r"(?P<type>[A-Z][\w\[\](,)]*)(?P<null> NOT NULL| NULL)?( one of (?P<values>\S.*))?")


@dataclass(frozen=True)
class Column:
    """One column: its type (an extract type under `sql/raw`, a SQL type elsewhere) and what it means.

    `required` columns are never null; where `values` are given, the column holds no other value.
    """

    name: str
    type: str
    description: str
    required: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table: its name with schema, what a row is, the columns that make a row unique.

    `written_by` is the path of the module that writes the table, where no model builds it.
    `key_notes` says what to do about two rows of one key where it is not a fault of ours.
    """

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    written_by: str | None = None
    key_notes: str = ""

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)


@cache
def read_contract(path: Path) -> Table:
    """Read one contract.

    Raises `ModelError` where the file is not a contract.
    """
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        key = tuple(read["key"])
        columns = tuple(
            _own_column(name, line, is_key=name in key) if isinstance(line, str) else _extract_column(name, line)
            for name, line in read["columns"].items()
        )
        if missing := set(key) - {column.name for column in columns}:
            raise ValueError(f"the key names {', '.join(sorted(missing))}, which is not a column")
        return Table(read["table"], read["row"], key, columns, read.get("written_by"), read.get("key_notes", ""))
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as failure:
        raise ModelError(path.name, f"is not a contract ({type(failure).__name__}: {failure})") from failure


@cache
def contracts(schema: str) -> dict[str, Table]:
    """Every contract of one schema, by table name without schema."""
    folder = SQL / "ref" / "contracts" if schema == "ref" else SQL / schema
    return {path.stem: read_contract(path) for path in sorted(folder.glob("*.yml"))}


def _own_column(name: str, line: str, *, is_key: bool) -> Column:
    """A column of one of our own tables: its meaning is in `column.yml`, as it is the same in every table."""
    parts = COLUMN.fullmatch(line)
    if not parts:
        raise ValueError(f"{name}: {line!r} is not TYPE [NOT NULL | NULL] [one of a | b]")
    required = parts["null"] == " NOT NULL" or (is_key and parts["null"] is None)
    values = tuple(parts["values"].split(" | ")) if parts["values"] else ()
    return Column(name, parts["type"], _descriptions()[name], required, values)


def _extract_column(name: str, about: Mapping[str, Any]) -> Column:
    """A column of the extract contract: its file says everything about it."""
    return Column(
        name, about["type"], about["description"], about.get("required", False), tuple(about.get("values", ()))
    )


@cache
def _descriptions() -> dict[str, str]:
    read: dict[str, str] = yaml.load((SQL / "column.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    return read


def table_of(file_name: str) -> Table:
    """Find the extract table that a file of a drop holds, by its name (`follower.csv`, `follower-2.jsonl.gz`).

    Raises `SchemaError` where the extract contract has no such file name.
    """
    known = contracts("raw")
    match = FILE_NAME.fullmatch(file_name)
    if match and match["table"] in known:
        return known[match["table"]]
    near = get_close_matches(file_name.split(".")[0], known, n=1)
    raise SchemaError(
        file_name,
        "is not named for a table of the extract contract",
        known=(f"{name}.csv|.jsonl|.parquet (.gz|.zst)" for name in known),
        hint=f"did you mean {near[0]}?" if near else NO_CONTRACT_FILE,
    )
