"""SQL is in files under `sql`: a Python string holds a one-line look-up or command at most."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.common.settings import ROOT

# Text that begins like a statement, or has the parts of one.
SQL = re.compile(
    r"^\s*(with\s+\w+\s+as\s*\(|select\s|insert\s+(or\s+\w+\s+)?into\s|create\s+(or\s|temp|table|view|schema|macro)|"
    r"delete\s+from\s|update\s+\w+(\.\w+)?\s+set\s|copy\s.+\sto\s|merge\s+into\s|alter\s+table\s|from\s+\w+\.\w+\b)"
    r"|\bselect\s.+\sfrom\s|\s(left|inner|full|cross)\s+join\s|\sgroup\s+by\s|\sorder\s+by\s",
    re.IGNORECASE | re.DOTALL,
)
LONGEST = 120

# Built from a contract (and a file's header), so that the columns are known only when it is read.
BUILT_FROM_A_CONTRACT = {"pipelines/landing/extract_file.py", "pipelines/validation/contract_suite.py"}
# To be emptied: their SQL moves to models and queries.
MOVING = {"pipelines/marts", "pipelines/reach"}
MODULES = [
    path
    for path in sorted(path for name in ("pipelines", "stillreach") for path in (ROOT / name).rglob("*.py"))
    if (name := str(path.relative_to(ROOT))) not in BUILT_FROM_A_CONTRACT and not name.startswith(tuple(MOVING))
]


def texts(tree: ast.Module) -> Iterator[tuple[int, int, str]]:
    """Give each string of a module but its docstrings: first line, last line, text ({} for what is filled in)."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if id(node) in inside | docstrings:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.end_lineno or node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield node.lineno, node.end_lineno or node.lineno, "".join(parts)


def long_sql(source: str) -> list[int]:
    """Give the lines of a module's SQL that is longer than one line."""
    return [
        first
        for first, last, text in texts(ast.parse(source))
        if SQL.search(text) and (last > first or "\n" in text.strip() or len(text) > LONGEST)
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sql_in_python_is_one_line(path: Path) -> None:
    found = long_sql(path.read_text(encoding="utf-8"))
    assert not found, f"{path.name}: move the SQL at lines {found} to sql/query/<area>/<name>.sql"


@pytest.mark.parametrize(
    "source",
    [
        'x = """\n    SELECT a\n    FROM b\n"""',
        'x = "SELECT a " "FROM b WHERE c"\ny = (\n    "SELECT a "\n    "FROM b"\n)',
        'x = f"""\n    WITH a AS (SELECT 1)\n    FROM {b}\n"""',
        f'x = "SELECT {"a" * LONGEST} FROM b"',
    ],
)
def test_long_sql_is_noticed(source: str) -> None:
    assert long_sql(source)


@pytest.mark.parametrize(
    "source", ['x = "SELECT a FROM b ORDER BY ALL"', '"""Choose what to select\n\nfrom several orders by name."""']
)
def test_short_sql_and_prose_may_stay(source: str) -> None:
    assert not long_sql(source)
