"""Every query that Python runs is a file under `sql/query`: described, portable where it reads rows, and used."""

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import ErrorLevel, exp

from pipelines.common.errors import ModelError
from pipelines.common.query import query
from pipelines.common.settings import ROOT, SQL

QUERIES = sorted((SQL / "query").rglob("*.sql"))
PYTHON = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "pipelines").rglob("*.py")))

# Queries of these areas ask a published snapshot or an in-memory database, which are DuckDB's whatever the engine.
DUCKDB_ALONE = ("cli", "labels", "landing", "report", "warehouse")

# Functions that sqlglot carries to Spark with another meaning (the models' rule, tests/conventions/test_portable.py).
NOT_PORTABLE = re.compile(r"\b(len|list|list_\w+|string_agg)\(", re.IGNORECASE)


def name_of(path: Path) -> str:
    """Give the name by which Python asks for a query: area/name."""
    return str(path.relative_to(SQL / "query").with_suffix(""))


@pytest.mark.parametrize("path", QUERIES, ids=name_of)
def test_queries_are_described_and_portable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    (statement,) = sqlglot.parse(text, read="duckdb")
    if not isinstance(statement, exp.Select | exp.SetOperation):
        assert text.startswith("-- ")
        return
    assert text.startswith("-- One row"), "begin with '-- One row per ...'"
    if path.parent.name in DUCKDB_ALONE:
        return
    assert not NOT_PORTABLE.search(re.sub(r"--.*", "", text))
    (carried,) = sqlglot.transpile(text, read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)
    assert sqlglot.parse_one(carried, read="spark").find(exp.Select)


@pytest.mark.parametrize("path", QUERIES, ids=name_of)
def test_queries_are_used(path: Path) -> None:
    assert re.search(rf"['\"]({path.parent.name}/)?{path.stem}['\"]", PYTHON)


def test_queries_are_read_by_name() -> None:
    assert QUERIES
    for path in QUERIES:
        assert query(name_of(path)) == path.read_text(encoding="utf-8")
    with pytest.raises(ModelError, match=r"query 'analysis/nothing': does not exist\. Known: .*analysis/account"):
        query("analysis/nothing")


@pytest.mark.parametrize("name", sorted(set(re.findall(r'\bquery\("([^"]+)"\)', PYTHON))))
def test_named_queries_exist(name: str) -> None:
    assert query(name)
