"""The terminal of every command: what it shows holds no control characters of names, titles or files."""

import logging
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from pipelines.common.visible import visible


class Screen(Console):
    """A console that replaces control characters in texts; its own colours and cursor moves stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else visible(text), style, control)


class Lines(logging.Formatter):
    """A log's lines, without control characters."""

    def format(self, record: logging.LogRecord) -> str:
        return str(visible(super().format(record)))
