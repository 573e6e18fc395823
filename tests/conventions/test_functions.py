"""Functions are short and take few arguments."""

import ast
from collections.abc import Iterator

from pipelines.common.settings import ROOT

LINES, ARGUMENTS = 40, 6


def too_large() -> Iterator[str]:
    """Name each function of the packages that is too long or takes too many arguments, by its file.

    The options of a command are the arguments of its function: it may have more of them. They are annotated.
    """
    for path in sorted(path for name in ("pipelines", "stillreach") for path in (ROOT / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                n_lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if n_lines > LINES or n_arguments(node) > ARGUMENTS:
                    yield f"{path.relative_to(ROOT)}: {node.name}"


def n_arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the arguments of a function; `self`, `cls` and the options of a command are none."""
    named = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    if any("typer." in ast.unparse(one.annotation) for one in named if one.annotation):
        return 0
    starred = [one for one in (function.args.vararg, function.args.kwarg) if one]
    return len([one for one in named if one.arg not in ("self", "cls")]) + len(starred)


def test_no_function_is_too_long_or_takes_too_many_arguments() -> None:
    hint = f"over {LINES} lines or {ARGUMENTS} arguments: split it, or put what travels together in a dataclass"
    assert not list(too_large()), hint
