"""A review's picture: of each account the active people it reaches, and those of them whom only it reaches."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from pipelines.release import disclosure
from pipelines.release.disclosure import Limits, Shown
from pipelines.report import canvas
from pipelines.report.canvas import ALONE, MARGIN, QUIET

WIDTH = 11.0
NAME_WIDTH, BAR_WIDTH = 3.1, 3.6
ROW = 0.36
SHARED = "#9db8d1"


@dataclass(frozen=True)
class Bar:
    """One account: its name with the platform's, its action, the people it reaches and those it alone does."""

    name: str
    action: str
    active: Shown
    alone: Shown


def bar(name: str, action: str, active: float | None, alone: float | None, limit: Limits) -> Bar:
    """Make a bar of counts that are rounded, or held back."""
    return Bar(name, action, disclosure.people(active, limit), disclosure.people(alone, limit))


def title(bars: Sequence[Bar]) -> str:
    """Say the finding: whose closing would lose most people."""
    known = [one for one in bars if one.alone.number]
    if not known:
        return "Of no account can it be shown how many people only it reaches"
    most = max(known, key=lambda one: (one.alone.number or 0, one.name))
    return f"Closing {most.name} would lose most: {most.alone.text} active people whom no other account of ours reaches"


def alt_text(bars: Sequence[Bar]) -> str:
    """Say every bar in words."""
    return f"{title(bars)}. " + "; ".join(
        f"{one.name}: {_words(one)}, {one.action}" for one in bars
    ) + "."  # fmt: skip


def figure(bars: Sequence[Bar], source: str) -> Figure:
    """Draw a bar per account on one scale of people; two platforms' people are never added.

    Orange is reached by this account alone; where there is no figure, hatching says so.
    """
    lines = canvas.title_lines(title(bars), WIDTH)
    height = 1.35 + 0.25 * len(lines) + ROW * len(bars)
    sheet, axes = canvas.sheet(WIDTH, height)
    y = canvas.write_title(axes, lines) + 0.1
    x = MARGIN + NAME_WIDTH
    canvas.box(axes, x, y - 0.06, 0.14, 0.12, facecolor=ALONE)
    canvas.write(axes, x + 0.2, y, "reached by it alone", 8.5, color=QUIET)
    canvas.box(axes, x + 1.75, y - 0.06, 0.14, 0.12, facecolor=SHARED)
    canvas.write(axes, x + 1.95, y, "by another account of ours on the platform too", 8.5, color=QUIET)
    most = max((one.active.number or 0 for one in bars), default=0) or 1
    for one in bars:
        y += ROW
        canvas.write(axes, MARGIN, y, canvas.shortened(one.name, NAME_WIDTH - 0.1, 9.5), 9.5)
        if one.active.number is None:
            canvas.hatched(axes, x, y - 0.1, 0.5, 0.2)
            end = x + 0.5
        else:
            whole = BAR_WIDTH * one.active.number / most
            only = BAR_WIDTH * min(one.alone.number or 0, one.active.number) / most
            canvas.box(axes, x, y - 0.11, max(whole, 0.02), 0.22, facecolor=SHARED)
            canvas.box(axes, x, y - 0.11, only, 0.22, facecolor=ALONE)
            end = x + whole
        canvas.write(axes, end + 0.08, y, _words(one), 8.5, color=QUIET)
        canvas.write(axes, WIDTH - MARGIN, y, one.action, 9.5, ha="right", weight="bold")
    canvas.write(axes, MARGIN, height - 0.22, canvas.shortened(source, WIDTH - 2 * MARGIN, 8), 8, color=QUIET)
    return sheet


def _words(one: Bar) -> str:
    if one.active.is_missing:
        return "not known"
    return f"{one.active.text}, alone {one.alone.text}"
