"""Models keep to SQL that sqlglot carries to Spark: it parses, nothing is unsupported, nothing is silently changed."""

import re

import pytest
import sqlglot
from sqlglot import ErrorLevel, exp

from pipelines.warehouse.catalogue import LAYERS, SqlModel, sql_models

# Each engine makes pseudonyms in its own way: an HMAC as DuckDB can write it is no example to others.
MODELS = [model for layer in LAYERS for model in sql_models(layer) if model.full_name != "stg.member_key"]

# What sqlglot carries over without complaint and with another meaning, or not at all, and what to write instead.
SAY_INSTEAD = {
    r"\blen\(": "array_length(...): len of a list becomes the length of a text",
    r"\blist\(": "array_agg(...): Spark has no list(...)",
    r"\blist_\w+\(": "array_...(...)",
    r"\bstring_agg\(": "array_join(array_agg(...))",
}

# Folding accents has no function in Spark: its build will bring one of this name.
ENGINES_OWN = {"STRIP_ACCENTS": {"core.word_hit", "stg.declared_place", "stg.tag"}}


def to_spark(model: SqlModel) -> str:
    """Write a model in Spark's words, its one parameter filled in."""
    filled = model.sql.replace("getvariable('as_of')", "DATE '2026-09-30'")
    return str(sqlglot.transpile(filled, read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)[0])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.full_name)
def test_it_is_carried_to_spark(model: SqlModel) -> None:
    carried = to_spark(model)
    assert sqlglot.parse_one(carried, read="spark").find(exp.Select)
    for function, where in ENGINES_OWN.items():
        assert (f"{function}(" in carried) == (model.full_name in where), function


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.full_name)
def test_nothing_changes_its_meaning_on_the_way(model: SqlModel) -> None:
    code = re.sub(r"--.*", "", model.sql)
    for wrong, right in SAY_INSTEAD.items():
        assert not re.search(wrong, code, re.IGNORECASE), right
    for aggregate in sqlglot.parse_one(code, read="duckdb").find_all(exp.AggFunc):
        assert not aggregate.find(exp.Order) or aggregate.find_ancestor(exp.Window), (
            f"{aggregate.sql()}: its order is lost"
        )
