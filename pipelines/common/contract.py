"""The contracts of tables: what a row is, its key, its columns. Read from the YAML beside each table's SQL."""

import re
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


@dataclass(frozen=True)
class Column:
    """One column: its type (an extract type under `sql/raw`, a SQL type elsewhere) and what it means."""

    name: str
    type: str
    description: str
    required: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table: its name with schema, what a row is, the columns that make a row unique.

    `written_by` is the path of the module that writes the table, where no model builds it.
    """

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    written_by: str | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)


@cache
def read_contract(path: Path) -> Table:
    """Read one contract.

    Raises `ModelError` where the file is none.
    """
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        columns = tuple(_column(name, about) for name, about in read["columns"].items())
        return Table(read["table"], read["row"], tuple(read["key"]), columns, read.get("written_by"))
    except (OSError, KeyError, TypeError, yaml.YAMLError) as failure:
        raise ModelError(path.name, f"is no contract ({type(failure).__name__}: {failure})") from failure


@cache
def contracts(schema: str) -> dict[str, Table]:
    """Every contract of one schema, by table name without schema."""
    folder = SQL / "ref" / "contracts" if schema == "ref" else SQL / schema
    return {path.stem: read_contract(path) for path in sorted(folder.glob("*.yml"))}


def _column(name: str, about: str | dict[str, Any]) -> Column:
    """A column of an extract says all of itself; one of our own tables its type, its meaning stands in column.yml."""
    if isinstance(about, str):
        return Column(name=name, type=about, description=_descriptions()[name])
    return Column(
        name=name,
        type=about["type"],
        description=about["description"],
        required=about.get("required", False),
        values=tuple(about.get("values", ())),
    )


@cache
def _descriptions() -> dict[str, str]:
    read: dict[str, str] = yaml.load((SQL / "column.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    return read


def table_of(file_name: str) -> Table:
    """Which extract table a file of a drop holds, by its name (`follower.csv`, `follower-2.jsonl.gz`).

    Raises `SchemaError` where the name is none of the contract's.
    """
    known = contracts("raw")
    match = FILE_NAME.fullmatch(file_name)
    if match and match["table"] in known:
        return known[match["table"]]
    near = get_close_matches(file_name.split(".")[0], known, n=1)
    raise SchemaError(
        file_name,
        "is no file of the extract contract",
        known=(f"{name}.csv|.jsonl|.parquet (.gz|.zst)" for name in known),
        hint=f"did you mean {near[0]}?" if near else "see docs/EXTRACTS.md",
    )
