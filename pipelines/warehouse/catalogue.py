"""The catalogue of models: one SQL file or one Python module each, in the order of what they read.

Nothing here runs a model.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import duckdb
import polars as pl

from pipelines import marts
from pipelines.common.contract import Table, contracts
from pipelines.common.errors import ModelError
from pipelines.common.settings import SQL
from pipelines.marts import Inputs

LAYERS = ("stg", "core", "meta", "expansion", "mart")

# What a night takes over from the one before: `prior.<name>`, and the table it was.
CARRIED = {
    "member": "stg.member",
    "member_tag": "stg.member_tag",
    "list_reading": "core.list_reading",
    "list_overlap": "core.list_overlap",
    "follower_list": "core.follower_list",
    "doubted_follower": "core.doubted_follower",
    "follow": "core.follow",
    "post": "core.post",
    "engagement": "core.engagement",
    "account_day": "core.account_day",
    "account_day_restatement": "core.account_day_restatement",
    "contact": "core.contact",
    "word_hit": "core.word_hit",
}


@dataclass(frozen=True)
class Model:
    """One model: its name, the tables it reads (`schema.table`), and its contract."""

    schema: str
    name: str
    reads: frozenset[str]
    contract: Table

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class SqlModel(Model):
    """A model that is one SELECT, `sql/<schema>/<name>.sql`."""

    sql: str


@dataclass(frozen=True)
class PythonModel(Model):
    """A mart that needs statistics, `pipelines/marts/<name>.py`: its `make` gives the rows."""

    make: Callable[[Inputs], pl.DataFrame]


@cache
def models(layer: str) -> tuple[Model, ...]:
    """List the models of a layer, of SQL and of Python, each after those it reads.

    Raises `ModelError` where a model has no contract, a contract no model, a table two models, a model reads what
    nothing builds, or models read each other in a circle.
    """
    read = [*_sql_models(layer), *(_python_models() if layer == "mart" else ())]
    found = {model.name: model for model in read}
    for model in read:
        if found[model.name] is not model:
            raise ModelError(model.full_name, f"is built by both sql/{layer}/{model.name}.sql and a module")
        _check_reads(model)
    for name, table in contracts(layer).items():
        if name not in found and not table.written_by:
            wanted = f"sql/{layer}/{name}.sql" + (f" or pipelines/marts/{name}.py" if layer == "mart" else "")
            raise ModelError(table.name, "has a contract and nothing that builds it", hint=f"write {wanted}")
    # Lists, not sets: the order is the same in every process.
    graph = {model: [other for other in read if other.full_name in model.reads] for model in read}
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as failure:
        circle = " -> ".join(model.full_name for model in failure.args[1])
        raise ModelError(layer, f"reads in a circle: {circle}") from None


def sql_models(layer: str) -> tuple[SqlModel, ...]:
    """List the models of a layer that are SQL, in the same order."""
    return tuple(model for model in models(layer) if isinstance(model, SqlModel))


def _sql_models(layer: str) -> Iterator[SqlModel]:
    for path in sorted((SQL / layer).glob("*.sql")):
        sql = path.read_text(encoding="utf-8")
        yield SqlModel(layer, path.stem, tables_read(sql), _contract(layer, path.stem), sql)


def _python_models() -> Iterator[PythonModel]:
    """Read every module of `pipelines.marts`: each builds one mart."""
    for found in iter_modules(marts.__path__):
        module = import_module(f"{marts.__name__}.{found.name}")
        if f"mart.{found.name}" != module.TABLE:
            raise ModelError(module.__name__, f"has the TABLE {module.TABLE}", hint=f"mart.{found.name}")
        yield PythonModel("mart", found.name, frozenset(module.READS), _contract("mart", found.name), module.make)


def _contract(layer: str, name: str) -> Table:
    contract = contracts(layer).get(name)
    if contract is None:
        raise ModelError(f"{layer}.{name}", "has no contract", hint=f"write sql/{layer}/{name}.yml")
    return contract


def _check_reads(model: Model) -> None:
    """Check that a model reads only tables with a contract: a model or a module builds each of those."""
    for read in model.reads:
        schema, name = read.split(".")
        if name not in (CARRIED if schema == "prior" else contracts(schema)):
            raise ModelError(model.full_name, f"reads {read}, which nothing builds")


def tables_read(sql: str) -> frozenset[str]:
    """Every `schema.table` that a SELECT names; its own CTEs have no schema and are left out.

    Raises `ModelError` where it does not parse as one SELECT.
    """
    row = duckdb.execute("SELECT json_serialize_sql($sql)", {"sql": sql}).fetchone()
    assert row
    tree = json.loads(row[0])
    if tree.get("error"):
        raise ModelError("a model", f"does not parse: {tree.get('error_message', '')}")
    return frozenset(
        f"{node['schema_name']}.{node['table_name']}"
        for node in _nodes(tree)
        if node.get("type") == "BASE_TABLE" and node.get("schema_name")
    )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)
