"""Progress on long steps: a bar in a terminal, nothing in logs."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def shown(items: Sequence[Item], what: str) -> Iterable[Item]:
    """Go through the items, with a bar where somebody watches."""
    screen = Console(stderr=True)
    return track(items, what, console=screen, transient=True, disable=not screen.is_terminal)
