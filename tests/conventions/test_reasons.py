"""A reason is a sentence for people: no code compares or searches its text. A status says what code reads."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.common.settings import ROOT

REASON = re.compile(r"(^|_)reason$")
SEARCHES = {"startswith", "endswith", "find", "contains", "starts_with", "ends_with"}
# A column of reasons that is compared with a text, in a model, a query, or a query within Python.
SQL_READS = re.compile(
    r"\b\w*_reason\b\s*(NOT\s+)?((I?LIKE|SIMILAR\s+TO|IN\s*\(|<>|!=|=)\s*'|IN\s*\(\s*')"
    r"|\b(starts_with|ends_with|contains|strpos|regexp_\w+)\(\s*(\w+\.)?\w*_reason\b",
    re.IGNORECASE,
)
FILES = [
    path
    for folder, kind in (("pipelines", "py"), ("expectations", "py"), ("sql", "sql"))
    for path in sorted((ROOT / folder).rglob(f"*.{kind}"))
]


def reads_in_python(source: str) -> Iterator[int]:
    """Give the lines that compare a reason with a text or search in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in SEARCHES and _is_reason(node.func.value):
                yield node.lineno
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for (left, right), compared in zip(pairwise(sides), node.ops, strict=True):
                if isinstance(compared, ast.In | ast.NotIn) and _is_reason(right) and _is_text(left):
                    yield node.lineno
                if isinstance(compared, ast.Eq | ast.NotEq) and any(
                    _is_reason(one) and _is_text(other) for one, other in ((left, right), (right, left))
                ):
                    yield node.lineno


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_reason(node: ast.expr) -> bool:
    """Whether it is a reason: a name, `row["…_reason"]`, `pl.col("…_reason")`, or one of these `or` a default."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return bool(REASON.search(name)) or (isinstance(node, ast.Attribute) and _is_reason(node.value))
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return bool(REASON.search(name))
        case ast.Call(args=[ast.Constant(value=str(name)), *_]) if REASON.search(name):
            return True
        case ast.BoolOp(values=[first, *_]):
            return _is_reason(first)
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_reads_a_reason(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = [text.count("\n", 0, found.start()) + 1 for found in SQL_READS.finditer(text)]
    if path.suffix == ".py":
        lines += reads_in_python(text)
    assert not lines, f"{path.name}, lines {sorted(lines)}: add a status (a closed list) and read that"


@pytest.mark.parametrize(
    "source",
    [
        'x = (self.reach_reason or "").startswith("no engagement")',
        'x = " weeks of " in reason',
        'x = row["reach_reason"] == "totals only"',
        'x = rows.filter(pl.col("flow_reason").str.starts_with("no"))',
    ],
)
def test_reading_a_reason_is_noticed_in_python(source: str) -> None:
    assert list(reads_in_python(source))


@pytest.mark.parametrize(
    "source", ['x = row["reach_reason"] is None', 'x = reason or "not known"', "x = one in reasons"]
)
def test_having_a_reason_may_be_asked(source: str) -> None:
    assert not list(reads_in_python(source))


@pytest.mark.parametrize(
    "source",
    [
        "WHERE reach_reason NOT LIKE '%: at least this many'",
        "WHERE a.flow_reason NOT IN ('no list', 'none')",
        "WHERE flow_reason NOT IN (\n    'no list'\n)",
        "WHERE reach_reason = 'totals only'",
        "WHERE starts_with(a.reach_reason, 'no')",
    ],
)
def test_reading_a_reason_is_noticed_in_sql(source: str) -> None:
    assert SQL_READS.search(source)
