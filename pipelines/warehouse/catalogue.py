"""The models: one SQL file each, in the order of what they read. Nothing here runs them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from pipelines.common.contract import Table, contracts
from pipelines.common.errors import ModelError
from pipelines.common.settings import SQL

LAYERS = ("stg", "core", "meta", "expansion", "mart")

# What a night takes over from the one before: `prior.<name>`, and the table it was.
CARRIED = {
    "member": "stg.member",
    "member_tag": "stg.member_tag",
    "follower_list": "core.follower_list",
    "follow": "core.follow",
    "post": "core.post",
    "engagement": "core.engagement",
    "account_day": "core.account_day",
    "account_day_restatement": "core.account_day_restatement",
    "contact": "core.contact",
    "word_hit": "core.word_hit",
}

# Made by Python, before their layer's models are built if one of those reads them: contracts without SQL.
MADE = frozenset(
    {
        "stg.empty_list",
        "stg.text_tone",
        "meta.completeness",
        "meta.cost",
        "meta.delivery",
        "meta.quarantine",
        "meta.run",
        "meta.source_arrival",
        "meta.validation_result",
    }
)


@dataclass(frozen=True)
class Model:
    """One model: its name, its SELECT, the tables it reads (`schema.table`), and its contract."""

    schema: str
    name: str
    sql: str
    reads: frozenset[str]
    contract: Table

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


@cache
def models(layer: str) -> tuple[Model, ...]:
    """The models of a layer, each after what it reads.

    Raises `ModelError` where one has no contract, is no single SELECT, or they read each other in a circle.
    """
    found = {path.stem: _read(layer, path) for path in sorted((SQL / layer).glob("*.sql"))}
    order = TopologicalSorter(
        {
            name: {read.split(".")[1] for read in model.reads if read.split(".")[0] == layer and read not in MADE}
            for name, model in found.items()
        }
    )
    try:
        return tuple(found[name] for name in order.static_order())
    except CycleError as failure:
        raise ModelError(layer, f"reads in a circle: {' -> '.join(failure.args[1])}") from None
    except KeyError as failure:
        raise ModelError(layer, f"something reads {layer}.{failure.args[0]}, which no file builds") from None


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


def _read(layer: str, path: Path) -> Model:
    contract = contracts(layer).get(path.stem)
    if contract is None:
        raise ModelError(f"{layer}.{path.stem}", "has no contract", hint=f"write {path.stem}.yml beside it")
    sql = path.read_text(encoding="utf-8")
    return Model(layer, path.stem, sql, tables_read(sql), contract)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)
