"""The picture of quality: how people answer each account, and how much of it is hostile."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.release import disclosure
from pipelines.release.disclosure import Limits
from pipelines.report import canvas, findings
from pipelines.report.canvas import ALONE, BAR, INK, LINE, MARGIN, QUIET
from pipelines.report.labels import EVERYONE, counted, day, platform_name

WIDTH, NAMES, COLUMN = 10.0, 2.4, 1.35
TONE, TONE_LINE = WIDTH - 2 * MARGIN - NAMES - 3 * COLUMN, 1.65
ROW, HEAD = 0.4, 0.36
TONE_COLUMNS = ("hostile_share", "hostile_share_lo", "hostile_share_hi")
ACCOUNTS_SHOWN = 16
MEASURES = {"applause": "likes a post", "conversation": "replies a post", "amplification": "reposts a post"}
Row = dict[str, Any]


def quality_figure(
    quality: pl.DataFrame, bands: Mapping[str, float], segment_id: str = EVERYONE, by_whom: str = "followers"
) -> Figure:
    """Draw applause, conversation, amplification and the hostile share of answers, one row an account.

    `quality` is `mart.interaction_quality` with `title` and `name`. The hostile share is corrected for the labeller's
    errors (Rogan and Gladen) and has its 95 % interval. Interactions are not people and are exact. Where too few people
    interacted to be shown, the row has no figures. Raises `ValueError` where the segment has no row.
    """
    limit = disclosure.limits(bands)
    rows = _accounts(quality, segment_id, by_whom, limit)
    n_more = max(0, len(rows) - ACCOUNTS_SHOWN)
    rows = rows[:ACCOUNTS_SHOWN]
    lines = canvas.title_lines(_title(rows), WIDTH)
    top = 0.3 + 0.25 * len(lines) + 0.28 + HEAD
    figure, axes = canvas.sheet(WIDTH, top + ROW * len(rows) + 0.65)
    below = canvas.write_title(axes, lines)
    note = f"Interactions of the last 90 days by {_by(by_whom, rows)}, as far as we received them"
    canvas.write(axes, MARGIN, below, note, 9, color=QUIET)
    _heads(axes, top - 0.14)
    most = {name: max((row[name] or 0 for row in rows), default=0) or 1 for name in MEASURES}
    for n, row in enumerate(rows):
        _row(axes, top + ROW * n, row, most)
    bottom = top + ROW * len(rows)
    for share, x in ((0, WIDTH - MARGIN - TONE), (1, WIDTH - MARGIN - TONE + TONE_LINE)):
        canvas.write(axes, x, bottom + 0.02, disclosure.percent(share), 7.5, color=QUIET, ha="center")
    labels = next((row for row in rows if row["tone_recall"] is not None), None)
    tone = ""
    if labels:
        found, right = disclosure.percent(labels["tone_recall"]), disclosure.percent(labels["tone_precision"])
        tone = (
            f" The automatic labels find {found} of hostile texts, and {right} of those they find are hostile. "
            "The share is corrected for this."
        )
    more = f" {counted(n_more, 'account', 'accounts')} more." if n_more else ""
    source = f"Data of {day(rows[0]['as_of'])}.{tone} {findings.counts_note(limit)}{more}"
    for n, line in enumerate(canvas.wrapped(source, WIDTH - 2 * MARGIN, 8)):
        canvas.write(axes, MARGIN, bottom + 0.3 + 0.16 * n, line, 8, color=QUIET)
    return figure


def quality_alt_text(
    quality: pl.DataFrame, bands: Mapping[str, float], segment_id: str = EVERYONE, by_whom: str = "followers"
) -> str:
    """Describe the picture of quality in words; raises `ValueError` as `quality_figure` does."""
    rows = _accounts(quality, segment_id, by_whom, disclosure.limits(bands))[:ACCOUNTS_SHOWN]
    each = "; ".join(f"{row['name']} on {platform_name(row['platform'])}: {_tone_words(row)}" for row in rows)
    return f"How people answer each account. {_title(rows)}. Hostile share of answers: {each}."


def _by(by_whom: str, rows: list[Row]) -> str:
    return str(rows[0]["title"]).lower() if by_whom == "segment" else by_whom


def _accounts(quality: pl.DataFrame, segment_id: str, by_whom: str, limit: Limits) -> list[Row]:
    """Give rows, most hostile answers first, then those with interactions; figures of too few people are removed."""
    rows = quality.filter((pl.col("segment_id") == segment_id) & (pl.col("by_whom") == by_whom)).to_dicts()
    if not rows:
        raise ValueError(f"there is no row of segment {segment_id}, answers by {by_whom}")
    for row in rows:
        engaged = disclosure.people(row["engaged_people"], limit)
        if engaged.is_suppressed:
            why = "not shown" if engaged.is_withheld else f"{engaged.text} people interacted"
            row.update(dict.fromkeys((*MEASURES, *TONE_COLUMNS)), quality_reason=why)
    rows.sort(
        key=lambda row: (
            row["hostile_share"] is None,
            -(row["hostile_share"] or 0),
            row["applause"] is None,
            row["platform"],
            row["name"],
            row["account_id"],
        )
    )
    return rows


def _title(rows: list[Row]) -> str:
    """The finding: where answers are most and least hostile; "seems" where intervals overlap."""
    known = [row for row in rows if row["hostile_share"] is not None]
    if not known:
        return "How people answer: of no account are there enough texts to tell their tone"
    first = max(known, key=lambda row: (row["hostile_share_lo"], row["hostile_share"]))
    last = min(known, key=lambda row: (row["hostile_share_hi"], row["hostile_share"]))
    where = f"{first['name']} on {platform_name(first['platform'])}"
    if last is first:
        return f"{where} is met with hostility: {_tone_words(first)} of answers"
    is_clear = all(first["hostile_share_lo"] > row["hostile_share_hi"] for row in known if row is not first)
    words = f"{where} {'is' if is_clear else 'seems to be'} met with most hostility: {_tone_words(first)}"
    return f"{words}; least: {last['name']} on {platform_name(last['platform'])}, {_tone_words(last)}"


def _tone_words(row: Row) -> str:
    if row["hostile_share"] is None:
        return str(row["quality_reason"] or disclosure.MISSING)
    share, lo, hi = (disclosure.percent(row[f"hostile_share{end}"]) for end in ("", "_lo", "_hi"))
    return f"{share} ({lo} to {hi})"


def _heads(axes: Axes, y: float) -> None:
    x = MARGIN + NAMES
    for words in MEASURES.values():
        canvas.write(axes, x, y, words, 8.5, weight="bold")
        x += COLUMN
    canvas.write(axes, x, y, "hostile share of answers, 95 %", 8.5, weight="bold")


def _row(axes: Axes, y: float, row: Row, most: Mapping[str, float]) -> None:
    middle = y + ROW / 2
    name = canvas.shortened(row["name"], NAMES - 0.2, 9)
    canvas.write(axes, MARGIN + NAMES - 0.12, middle - 0.06, name, 9, ha="right")
    canvas.write(
        axes, MARGIN + NAMES - 0.12, middle + 0.1, platform_name(row["platform"]), 7.5, color=QUIET, ha="right"
    )
    x = MARGIN + NAMES
    for measure in MEASURES:
        value = row[measure]
        if value is None:
            canvas.write(axes, x, middle, disclosure.MISSING, 9, color=QUIET)
        else:
            length = (COLUMN - 0.65) * value / most[measure]
            canvas.box(axes, x, middle - 0.09, length, 0.18, facecolor=BAR)
            canvas.write(axes, x + length + 0.05, middle, f"{value:,.1f}" if value < 100 else f"{value:,.0f}", 8.5)
        x += COLUMN
    _tone(axes, x, middle, row)


def _tone(axes: Axes, x: float, y: float, row: Row) -> None:
    """The share as a dot on a line from 0 to 100 %, its interval as a bar; words where it is not known."""
    if row["hostile_share"] is None:
        words = canvas.shortened(row["quality_reason"] or disclosure.MISSING, WIDTH - MARGIN - x, 8.5)
        canvas.write(axes, x, y, words, 8.5, color=QUIET)
        return
    lo, share, hi = (TONE_LINE * row[f"hostile_share{end}"] for end in ("_lo", "", "_hi"))
    axes.plot([x, x + TONE_LINE], [y, y], color=LINE, linewidth=0.8, zorder=0.5)
    axes.plot([x + lo, x + hi], [y, y], color=ALONE, linewidth=5, alpha=0.35, solid_capstyle="butt", zorder=1)
    axes.scatter([x + share], [y], s=26, color=ALONE, zorder=2, linewidths=0)
    canvas.write(axes, x + TONE_LINE + 0.1, y, _tone_words(row), 8.5, color=INK)
