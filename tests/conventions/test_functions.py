"""Functions are short and take few arguments. Those that do not yet stand on a list, which may only shrink."""

import ast
from collections.abc import Iterator

from pipelines.common.settings import ROOT

LINES, ARGUMENTS = 40, 6

# Functions that are still too long or take too many arguments: shorten one and remove its line, never add one.
STILL_TOO_LARGE = {
    "analysis/expand.py: _candidate",
    "analysis/expand.py: log_lifts",
    "analysis/expand.py: near",
    "analysis/keyness.py: draft_definition",
    "analysis/keyness.py: portraits",
    "analysis/label_sample.py: label_sample",
    "cli/reach.py: ask_keep",
    "reference/gazetteer.py: _named",
    "segments/label_file.py: keep",
    "segments/policy.py: read_policy",
}


def too_large() -> Iterator[str]:
    """Name each function of the packages that is too long or takes too many arguments, by its file.

    The options of a command are the arguments of its function: a decorated function may have more of them.
    """
    for path in sorted((ROOT / "pipelines").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                n_lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if n_lines > LINES or (n_arguments(node) > ARGUMENTS and not node.decorator_list):
                    yield f"{path.relative_to(ROOT / 'pipelines')}: {node.name}"


def n_arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the arguments of a function; `self` and `cls` are none."""
    named = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    starred = [one for one in (function.args.vararg, function.args.kwarg) if one]
    return len([one for one in named if one.arg not in ("self", "cls")]) + len(starred)


def test_no_function_is_too_long_or_takes_too_many_arguments() -> None:
    new = set(too_large()) - STILL_TOO_LARGE
    assert not new, (
        f"over {LINES} lines or {ARGUMENTS} arguments: split it, or put what travels together in a dataclass"
    )


def test_the_list_of_large_functions_holds_none_that_is_short_by_now() -> None:
    done = STILL_TOO_LARGE - set(too_large())
    assert not done, "these are short enough: remove them from STILL_TOO_LARGE"
