"""Every command that a message or a page names exists, and so do the options it is given."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from pipelines.cli.app import app
from pipelines.common.settings import ROOT

COMMAND = re.compile(r"(?<![\w/.-])(?<!b\x22)stillreach((?: +(?:--)?[a-z][\w-]*| +[A-Z0-9][\w:.-]*)+)")
FOLDERS = ("stillreach", "pipelines", "expectations", "dags", "docs", "sql", "notebooks", "tests/end_to_end")
PAGES = [
    path
    for path in (*ROOT.glob("*.md"), ROOT / "Makefile", *(one for name in FOLDERS for one in (ROOT / name).rglob("*")))
    if path.is_file() and path.suffix in (".md", ".py", ".yml", ".ipynb", "")
]


def commands() -> dict[str, set[str]]:
    """Walk the app: each command's full name, with its options."""
    found: dict[str, set[str]] = {}
    completion = {"--install-completion", "--show-completion"}  # typer adds them when a command runs

    def walk(command: Any, name: str) -> None:
        options = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        found[name] = {option for option in options if option.startswith("--")} | {"--help"}
        for part, child in getattr(command, "commands", {}).items():
            walk(child, f"{name} {part}".strip())

    walk(typer.main.get_command(app), "")
    found[""] |= completion
    return found


COMMANDS = commands()
GROUPS = {name.rpartition(" ")[0] for name in COMMANDS} - {""}


def problem(words: list[str]) -> str | None:
    """Say what is wrong with the words after `stillreach`, or nothing."""
    name, *rest = words
    if name.startswith("--"):
        name, rest = "", words[:1]
    if name in GROUPS and rest and not rest[0].startswith("--"):
        name = f"{name} {rest[0]}"
    if name not in COMMANDS:
        return f"no command {name!r}"
    unknown = [word for word in rest if word.startswith("--") and word not in COMMANDS[name]]
    return f"{name} has no option {unknown[0]}" if unknown else None


def hints(source: str) -> Iterator[str]:
    """Give the text of every `hint=` of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "hint":
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_commands_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for words in COMMAND.findall(text):
        assert not (wrong := problem(words.split())), f"{path.name}: stillreach{words}: {wrong}"


@pytest.mark.parametrize("path", sorted((ROOT / "pipelines").rglob("*.py")), ids=lambda path: path.stem)
def test_hints_name_commands_in_full(path: Path) -> None:
    own = "|".join(sorted((name for name in COMMANDS if "-" in name or " " in name), key=len, reverse=True))
    for hint in hints(path.read_text(encoding="utf-8")):
        named = re.findall(rf"(stillreach )?(?<![\w-])({own})(?![\w-])", hint)
        assert all(prefix for prefix, _ in named), f"{hint!r}: write `stillreach {named[0][1]}`"


@pytest.mark.parametrize("words", ["snapshots", "--versions", "segments draw", "segments check --all", "nightly --day"])
def test_a_wrong_command_is_noticed(words: str) -> None:
    assert problem(words.split())
    assert COMMAND.findall(f"run stillreach {words}, then look") == [f" {words}"]
