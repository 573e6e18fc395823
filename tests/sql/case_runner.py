"""Run one model on a few rows: tables come from the contracts, the SQL from its file as pasted."""

import hashlib
import hmac
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from pipelines.common.contract import contracts
from pipelines.common.settings import SHIPPED_REF
from pipelines.reference.files import Band
from pipelines.reference.reader import read_entries
from pipelines.warehouse import pseudonym
from pipelines.warehouse.catalogue import CARRIED, LAYERS, SqlModel, sql_models

CASES = Path(__file__).parent
TEST_KEY = bytes(range(32))
CASE_KEYS = {"why", "as_of", "given", "expect", "xfail"}
# Row sets that many models share, each after what it reads. A case that gives none of their rows gets those that follow
# from the others it gives.
SHARED_ROW_SETS = (
    "core.time_window",
    "core.own_account",
    "core.measured_basis",
    "core.segment_person",
    "core.presence",
    "core.active_spell",
    "core.post_interaction",
)
WINDOW_BANDS = ("recent_days", "series_days", "moderation_days", "follower_change_days", "forecast_days")
RAW_EXTRAS = {
    "delivery_id": "VARCHAR",
    "snapshot_on": "DATE",
    "follower_scope": "VARCHAR",
    "quarantine_reason": "VARCHAR",
    "unusable_columns": "VARCHAR[]",
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One worked example of a model: why it is there, the rows it is given, the rows it must give."""

    path: Path
    model: str
    why: str
    as_of: date
    given: Mapping[str, list[Row]]
    expect: list[Row]
    xfail: str

    @property
    def id(self) -> str:
        return f"{self.model}-{self.path.stem}"


@cache
def all_models() -> dict[str, SqlModel]:
    """Every model of SQL by its full name, in the order of what they read."""
    return {model.full_name: model for layer in LAYERS for model in sql_models(layer)}


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case under this folder, by path."""
    return tuple(read_case(path) for path in sorted(CASES.glob("*/*/*.yml")))


def read_case(path: Path) -> Case:
    """Read one case.

    Raises `AssertionError` where it has an unknown key, or its rows to expect name different columns.
    """
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(read) - {"xfail"} == CASE_KEYS - {"xfail"}, f"{path}: has the keys {sorted(read)}"
    expect = [{name: _promised(value) for name, value in row.items()} for row in read["expect"]]
    assert len({frozenset(row) for row in expect}) <= 1, f"{path}: rows to expect name different columns"
    return Case(
        path=path,
        model=f"{path.parent.parent.name}.{path.parent.name}",
        why=read["why"],
        as_of=read["as_of"],
        given=read["given"] or {},
        expect=expect,
        xfail=read.get("xfail", ""),
    )


def _promised(value: Any) -> Any:
    """Replace `{hmac: "x:1"}` by the pseudonym, `{hmac_check: "x:1"}` by its check, as Python's hmac has them."""
    match value:
        case {"hmac": str(text)}:
            return int.from_bytes(hmac.digest(TEST_KEY, text.encode(), hashlib.sha256)[:8], "big")
        case {"hmac_check": str(text)}:
            return hmac.digest(TEST_KEY, text.encode(), hashlib.sha256)[8:16].hex()
    return value


def table_columns(table: str) -> dict[str, str]:
    """Name and SQL type of each column of any table that a model may read or build."""
    schema, name = table.split(".")
    if schema == "prior":
        schema, name = CARRIED[name].split(".")
    contract = contracts(schema)[name]
    if schema == "raw":
        return RAW_EXTRAS | dict.fromkeys(contract.column_names, "VARCHAR")
    return {column.name: column.type for column in contract.columns}


def every_table() -> list[str]:
    """Every table that a model may read, or that is beside them."""
    own = [f"{schema}.{name}" for schema in ("raw", "ref", *LAYERS) for name in contracts(schema)]
    return own + [f"prior.{name}" for name in CARRIED]


def create_tables(con: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    """Create empty tables as their contracts say."""
    for table in tables:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {table.split('.')[0]}")
        columns = ", ".join(f"{name} {type_}" for name, type_ in table_columns(table).items())
        con.execute(f"CREATE TABLE {table} ({columns})")


@cache
def bench() -> duckdb.DuckDBPyConnection:
    """Open the one database all cases share: every table, none with a row."""
    con = duckdb.connect(":memory:", config={"threads": 1})
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET preserve_insertion_order = false")
    create_tables(con, every_table())
    pseudonym.give_key(con, TEST_KEY)
    return con


@contextmanager
def filled_bench(given: Mapping[str, list[Row]], as_of: date) -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend the shared database with some rows in it, and take the rows out again."""
    con = bench()
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": as_of})
    con.execute("BEGIN")
    try:
        for table, rows in given.items():
            insert(con, table, rows)
        yield con
    finally:
        con.execute("ROLLBACK")


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: list[Row]) -> None:
    """Insert rows that name the columns they need; the others are NULL."""
    known = table_columns(table)
    unknown = {name for row in rows for name in row} - set(known)
    assert not unknown, f"{table} has no column {', '.join(sorted(unknown))}"
    names = [name for name in known if any(name in row for row in rows)]
    if rows:
        marks = ", ".join(f"({', '.join('?' * len(names))})" for _ in rows)
        values = [row.get(name) for row in rows for name in names]
        con.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES {marks}", values)


def build(con: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Fill a model's table from its file, in the order given; rows that are there already stay.

    Shared row sets that a model reads are filled before it, if they are empty.
    """
    for name in names:
        build_shared(con, name)
        con.execute(f"INSERT INTO {name} BY NAME {all_models()[name].sql}")


def build_shared(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Fill the empty ones of the shared row sets that a model reads."""
    for shared in shared_row_sets(name):
        if not con.execute(f"FROM {shared} LIMIT 1").fetchall():
            if shared == "core.time_window":
                give_windows(con)
            con.execute(f"INSERT INTO {shared} BY NAME {all_models()[shared].sql}")


def give_windows(con: duckdb.DuckDBPyConnection) -> None:
    """Add the shipped windows that the given bands lack."""
    given = {band for (band,) in con.execute("SELECT band FROM ref.band").fetchall()}
    shipped = read_entries(SHIPPED_REF / "bands.yml", Band)
    insert(
        con,
        "ref.band",
        [{"band": name, "value": shipped[name].value} for name in WINDOW_BANDS if name not in given],
    )


@cache
def shared_row_sets(name: str) -> tuple[str, ...]:
    """The shared row sets that a model reads, and those that they read, in the order in which to build them."""
    found = {read for read in all_models()[name].reads if read in SHARED_ROW_SETS}
    found |= {deeper for read in found for deeper in shared_row_sets(read)}
    return tuple(shared for shared in SHARED_ROW_SETS if shared in found)


@cache
def may_give(name: str) -> frozenset[str]:
    """The tables a model's case may give: what the model reads, and what the shared row sets it reads are made of."""
    reads = all_models()[name].reads
    return reads.union(*(all_models()[shared].reads for shared in shared_row_sets(name)))


def select(con: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    """Run a SELECT and give its rows by column name."""
    found = con.execute(sql)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def run_case(case: Case, sql: str | None = None) -> list[Row]:
    """Run a case's model (or another SQL in its place) on what the case gives."""
    with filled_bench(case.given, case.as_of) as con:
        build_shared(con, case.model)
        return select(con, sql or all_models()[case.model].sql)


def differences(expect: list[Row], got: list[Row]) -> list[str]:
    """Compare rows as an unordered multiset on the columns the expected ones name; say what is missing or too much."""
    names = list(expect[0]) if expect else []
    rest = [[row[name] for name in names] if names else list(row.values()) for row in got]
    reported = []
    for wanted in ([row[name] for name in names] for row in expect):
        match = next((row for row in rest if same(wanted, row)), None)
        if match is None:
            reported.append(f"missing:  {dict(zip(names, wanted, strict=True))}")
        else:
            rest.remove(match)
    return reported + [f"too much: {dict(zip(names, row, strict=False)) or row}" for row in rest]


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same: dates by day, instants in UTC, floats within 1e-9, lists in order."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, int) and isinstance(other, int):
        return one == other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(one, datetime) or isinstance(other, datetime):
        return isinstance(one, datetime) and isinstance(other, datetime) and one == other
    if isinstance(one, date) or isinstance(other, date):
        return str(one) == str(other)
    return bool(one == other)
