"""The picture of a draft: what each rule brings, which segments it overlaps, which accounts reach it."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.analysis.preview import Trial
from pipelines.release import disclosure
from pipelines.release.disclosure import Limits
from pipelines.report import canvas
from pipelines.report.canvas import ALONE, BAR, MARGIN, QUIET
from pipelines.report.labels import platform_name

WIDTH, NAMES, FIGURES = 8.5, 3.2, 1.0
ROW, HEAD = 0.27, 0.62
SHOWN = 12
Line = tuple[str, int, int]


def draft_figure(trial: Trial, platform: str, bands: Mapping[str, float]) -> Figure:
    """Draw a trial on one platform as three lists of bars; counts as the report shows them.

    Of a rule's people the orange part is whom no other rule brings in.
    """
    limit = disclosure.limits(bands)
    size = int(trial.size.filter(pl.col("platform") == platform)["segment_people"].sum())
    parts: list[tuple[str, Sequence[Line]]] = [
        ("What each rule hits, on every platform (orange: no other rule does)", _rules(trial)),
        (f"Shared with other segments, {platform_name(platform)}", _overlaps(trial, platform)),
        (f"Followers among our accounts, {platform_name(platform)}", _reached(trial, platform)),
    ]
    lines = canvas.title_lines(_title(trial, platform, size, limit), WIDTH)
    height = 0.45 + 0.25 * len(lines) + sum(HEAD + ROW * max(len(rows), 1) for _, rows in parts) + 0.4
    figure, axes = canvas.sheet(WIDTH, height)
    y = canvas.write_title(axes, lines)
    for title, rows in parts:
        y = _bars(axes, y + 0.2, title, rows, limit)
    seen = trial.definition.header.title
    canvas.write(
        axes, MARGIN, y + 0.2, f"Draft: {seen}. Nothing of it is kept; examples and policy apply.", 8, color=QUIET
    )
    return figure


def _title(trial: Trial, platform: str, size: int, limit: Limits) -> str:
    people = disclosure.people(size, limit).text
    wrong = sum(not one.is_right for one in trial.ran)
    verdict = f"; {wrong} of {len(trial.ran)} examples fail" if wrong else ""
    return f"{trial.definition.segment_id}: {people} people on {platform_name(platform)}{verdict}"


def _rules(trial: Trial) -> list[Line]:
    rows = trial.rules.to_dicts()
    return [
        (f"{row['rule_id']}{' (excludes)' if row['effect'] == 'exclude' else ''}", row["people"], row["only_this"])
        for row in rows[:SHOWN]
    ]


def _overlaps(trial: Trial, platform: str) -> list[Line]:
    rows: list[dict[str, Any]] = trial.overlap.filter(pl.col("platform") == platform).to_dicts()
    return [(row["segment_id"], row["shared_people"], 0) for row in rows[:SHOWN]]


def _reached(trial: Trial, platform: str) -> list[Line]:
    rows: list[dict[str, Any]] = trial.reach.filter(pl.col("platform") == platform).to_dicts()
    return [(row["name"], row["reach_people"], 0) for row in rows[:SHOWN]]


def _bars(axes: Axes, y: float, title: str, rows: Sequence[Line], limit: Limits) -> float:
    """Draw one list and give the place below it; a count too small to be shown has no length."""
    canvas.write(axes, MARGIN, y + 0.15, title, 10, weight="bold")
    y += 0.36
    if not rows:
        canvas.write(axes, MARGIN, y + ROW / 2, "none", 9, color=QUIET)
        return y + ROW
    most = max((disclosure.people(people, limit).number or 0 for _, people, _ in rows), default=0) or 1
    length = WIDTH - 2 * MARGIN - NAMES - FIGURES
    for name, people, alone in rows:
        shown, part = disclosure.people(people, limit), disclosure.people(alone, limit)
        canvas.write(axes, MARGIN + NAMES - 0.12, y + ROW / 2, canvas.shortened(name, NAMES - 0.2, 9), 9, ha="right")
        for count, colour in ((shown.number or 0, BAR), (part.number or 0, ALONE)):
            canvas.box(axes, MARGIN + NAMES, y + 0.05, length * count / most, ROW - 0.1, facecolor=colour)
        end = MARGIN + NAMES + length * (shown.number or 0) / most
        canvas.write(axes, end + 0.06, y + ROW / 2, shown.text, 9)
        y += ROW
    return y
