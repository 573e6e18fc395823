"""The terminal of every command: tables and lines, or with `--json` one JSON object.

What it shows holds no control characters of names, titles or files.
"""

import dataclasses
import functools
import inspect
import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import date
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from pipelines.common.visible import visible

AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object: the rows of each table by its name, other lines as notes."),
]


class Screen(Console):
    """A console that replaces control characters in texts; its own colours and cursor moves stay.

    While `json_instead` is open, it prints nothing: `rows` are collected by name, and lines under `notes`.
    """

    _collected: dict[str, Any] | None = None

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else visible(text), style, control)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does; while JSON is collected, keep the lines and leave out the tables."""
        if self._collected is None:
            super().print(*objects, **options)
            return
        lines = [one for one in objects if isinstance(one, str)]
        if options.get("markup", True):
            lines = [Text.from_markup(one).plain for one in lines]
        self._collected["notes"] += lines

    def rows(self, name: str, rows: Any) -> None:
        """Give the rows of a table to `--json`: a polars frame, or mappings or dataclasses; counts are unrounded."""
        if self._collected is not None:
            named = rows.iter_rows(named=True) if hasattr(rows, "iter_rows") else rows
            self._collected.setdefault(name, []).extend(_plain(one) for one in named)

    @contextmanager
    def json_instead(self) -> Iterator[None]:
        """Collect what a command shows, and print it as one JSON object unless it ends with an error."""
        collected: dict[str, Any] = {"notes": []}
        self._collected, ended = collected, None
        try:
            yield
        except typer.Exit as exit_code:
            ended = exit_code
        finally:
            self._collected = None
        notes = collected.pop("notes")
        self.print(json.dumps({**collected, "notes": notes}, indent=1), soft_wrap=True, markup=False, highlight=False)
        if ended:
            raise ended


screen = Screen()


def prints_tables(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that prints tables the option `--json`, which prints their rows instead."""

    @functools.wraps(command)
    def run(*args: Any, as_json: bool = False, **options: Any) -> None:
        with screen.json_instead() if as_json else nullcontext():
            command(*args, **options)

    given = inspect.signature(command, eval_str=True)
    option = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson)
    run.__signature__ = given.replace(parameters=[*given.parameters.values(), option])  # type: ignore[attr-defined]
    run.__annotations__ = command.__annotations__ | {"as_json": AsJson}
    return run


class Lines(logging.Formatter):
    """A log's lines, without control characters."""

    def format(self, record: logging.LogRecord) -> str:
        return str(visible(super().format(record)))


def _plain(value: Any) -> Any:
    """Turn a value into what JSON has: dates as text, NaN and infinity as null, dataclasses as mappings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | None) else str(value)
