"""The picture of a trend: week by week whom each account still reaches, where the weeks have gaps, and the verdict."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.release import disclosure
from pipelines.release.disclosure import Limits, Shown
from pipelines.report import canvas, findings
from pipelines.report.canvas import ALONE, BAR, LINE, MARGIN, QUIET, WITHHELD
from pipelines.report.labels import counted, day, listed, platform_name, short_day

WIDTH, NAMES, WEEKS = 10.0, 2.1, 4.9
ROW, SHORT_ROW = 0.92, 0.5
ACCOUNTS_SHOWN = 12
PART = "acts cover a part of the week only"
BAND = "#c9d8e6"
VERDICT_COLOURS = {"reaches": BAR, "no longer reaches": ALONE, "cannot tell": QUIET}
Row = dict[str, Any]
Account = tuple[str, list[Row], Row | None]


def trend_figure(
    trend: pl.DataFrame, verdicts: pl.DataFrame, segment_id: str, platform: str, bands: Mapping[str, float]
) -> Figure:
    """Draw a segment's weeks on one platform: a strip per account, its verdict beside it.

    `trend` and `verdicts` are rows of `mart.reach_trend` and `mart.reach_verdict` with `title` and `name` beside the
    ids. Lines are weekly people with the 95 % interval of such a count (Poisson, square root); a week without a whole
    extract is hatched, never zero, and no line crosses it. Raises `ValueError` where there is no row of this segment
    and platform.
    """
    limit = disclosure.limits(bands)
    weeks, found = _weeks_of(trend, segment_id, platform), _rows(verdicts, segment_id, platform)
    if not weeks:
        raise ValueError(f"there is no week of segment {segment_id}, platform {platform}")
    accounts = _accounts(weeks, found, limit)
    lines = canvas.title_lines(_title(weeks, found, platform), WIDTH)
    top = 0.3 + 0.25 * len(lines) + 0.4
    bottom = top + sum(_height(rows, limit) for _, rows, _ in accounts)
    figure, axes = canvas.sheet(WIDTH, bottom + 0.85)
    below = canvas.write_title(axes, lines)
    note = "People of the segment who engaged with the account in the week, with 95 % interval; own scale each"
    canvas.write(axes, MARGIN, below, note, 9, color=QUIET)
    spans = sorted({row["week_on"] for row in weeks})
    y = top
    for account in accounts:
        _strip(axes, y, account, spans, limit)
        y += _height(account[1], limit)
    n_more = len({row["account_id"] for row in weeks}) - len(accounts)
    _foot(axes, bottom, spans, weeks[0]["as_of"], n_more, limit)
    return figure


def trend_alt_text(
    trend: pl.DataFrame, verdicts: pl.DataFrame, segment_id: str, platform: str, bands: Mapping[str, float]
) -> str:
    """Say in words what the trend shows: the finding, then each account's verdict and change.

    Raises `ValueError` as `trend_figure` does.
    """
    limit = disclosure.limits(bands)
    weeks, found = _weeks_of(trend, segment_id, platform), _rows(verdicts, segment_id, platform)
    if not weeks:
        raise ValueError(f"there is no week of segment {segment_id}, platform {platform}")
    accounts = _accounts(weeks, found, limit)
    each = "; ".join(f"{name}: {_verdict_words(row, rows, limit)}" for name, rows, row in accounts)
    return f"Weekly reach by account. {_title(weeks, found, platform)}. {each}."


def _weeks_of(trend: pl.DataFrame, segment_id: str, platform: str) -> list[Row]:
    """Weeks that are whole for some account: the first and the last would read as a rise and a fall.

    An account whose acts begin within such a week has a gap there. Where no week is whole, all stand, each a gap.
    """
    rows = _rows(trend, segment_id, platform)
    whole = {row["week_on"] for row in rows if row["is_whole_week"]}
    return [
        row | {"gap_reason": row["gap_reason"] or (None if row["is_whole_week"] else PART)}
        for row in rows
        if row["week_on"] in whole or not whole
    ]


def _rows(frame: pl.DataFrame, segment_id: str, platform: str) -> list[Row]:
    return frame.filter((pl.col("segment_id") == segment_id) & (pl.col("platform") == platform)).to_dicts()


def _accounts(weeks: list[Row], found: list[Row], limit: Limits) -> list[Account]:
    """Name, weeks in order and verdict of each account, those that reach most first."""
    verdicts = {row["account_id"]: row for row in found}
    by_account: dict[str, list[Row]] = {}
    for row in sorted(weeks, key=lambda one: one["week_on"]):
        by_account.setdefault(row["account_id"], []).append(row)
    ranked = sorted(
        by_account.items(),
        key=lambda one: (-max(_most(row, limit) for row in one[1]), one[1][0]["name"], one[0]),
    )
    return [(rows[0]["name"], rows, verdicts.get(account_id)) for account_id, rows in ranked[:ACCOUNTS_SHOWN]]


def _title(weeks: list[Row], found: list[Row], platform: str) -> str:
    """The finding: who still reaches the segment, who no longer does, whose weeks fall."""
    where = f"{weeks[0]['title']} on {platform_name(platform)}"
    still = sorted(row["name"] for row in found if row["verdict"] == "reaches")
    gone = [row for row in found if row["verdict"] == "no longer reaches"]
    falling = sorted(row["name"] for row in found if row["trend"] == "falling")
    if not still and not gone:
        return f"{where}: of no account can anybody tell whether it still reaches them"
    if still:
        who = listed(still) if len(still) <= 3 else f"{len(still)} accounts"
        parts = [f"{who} still {'reaches' if len(still) == 1 else 'reach'} them"]
        if gone:
            parts.append(f"{len(gone)} no longer {'does' if len(gone) == 1 else 'do'}")
    else:
        parts = [f"no account surely reaches them, {len(gone)} no longer {'does' if len(gone) == 1 else 'do'}"]
    if falling:
        whom = listed(falling) if len(falling) < 3 else f"{len(falling)} accounts"
        parts.append(f"fewer every week with {whom}")
    return f"{where}: {', '.join(parts)}"


def _verdict_words(verdict: Row | None, weeks: list[Row], limit: Limits) -> str:
    return f"{verdict['verdict']}, {_change(verdict, weeks, limit)}" if verdict else "no verdict"


def _change(verdict: Row, weeks: list[Row], limit: Limits) -> str:
    """The change over the weeks in words; how much only where some week's count is shown."""
    change, lo, hi = (verdict[f"trend_change_share{end}"] for end in ("", "_lo", "_hi"))
    if change is None or verdict["trend"] == "cannot tell":
        return "trend not known"
    if not any(_most(row, limit) for row in weeks):
        return str(verdict["trend"])
    span = f" ({_signed(lo)} to {_signed(hi)})" if lo is not None and hi is not None else ""
    return f"{verdict['trend']}: {_signed(change)}{span}"


def _signed(share: float) -> str:
    return f"{'+' if share >= 0 else '−'}{disclosure.percent(abs(share))}"


def _shown(row: Row, limit: Limits) -> Shown:
    """People of a week as they may be shown; missing in a gap."""
    return disclosure.people(None if row["gap_reason"] else row["active_people"], limit)


def _most(row: Row, limit: Limits) -> float:
    return _shown(row, limit).number or 0.0


def _height(rows: list[Row], limit: Limits) -> float:
    """Height of an account's strip in inches: less where no week can be drawn."""
    return ROW if any(_most(row, limit) for row in rows) else SHORT_ROW


def _strip(axes: Axes, y: float, account: Account, spans: list[date], limit: Limits) -> None:
    """One account's weeks at their places; the name at the left, the verdict at the right."""
    name, rows, verdict = account
    height = _height(rows, limit)
    first = y + (0.32 if height == ROW else 0.17)
    lines = canvas.wrapped(name, NAMES - 0.5, 9.5, "bold")
    for n, line in enumerate(lines if len(lines) < 3 else [lines[0], f"{lines[1][:-1]}…"]):
        canvas.write(axes, MARGIN, first + 0.17 * n, line, 9.5, weight="bold")
    step = WEEKS / max(1, len(spans))
    places = [MARGIN + NAMES + step * (spans.index(row["week_on"]) + 0.5) for row in rows]
    shown = [_shown(row, limit) for row in rows]
    if height == ROW:
        _weeks(axes, y + ROW - 0.12, places, step, shown, limit)
    else:
        words = f"{limit.words} in every week" if any(one.is_suppressed for one in shown) else _gap(rows)
        words = canvas.shortened(words, WEEKS, 9)
        canvas.write(axes, MARGIN + NAMES + WEEKS / 2, y + SHORT_ROW / 2, words, 9, color=QUIET, ha="center")
    _verdict(axes, MARGIN + NAMES + WEEKS + 0.18, first, verdict, rows, limit)


def _weeks(axes: Axes, base: float, places: list[float], step: float, shown: list[Shown], limit: Limits) -> None:
    """Line and band where counts are shown, grey up to the limit where they are small, hatching in gaps."""
    height, left = ROW - 0.3, MARGIN + NAMES
    bounds = [_interval(one.number or 0.0) for one in shown]
    most = max((bound[1] for bound, one in zip(bounds, shown, strict=True) if one.number), default=0.0)
    axes.plot([left, left + WEEKS], [base, base], color=LINE, linewidth=0.8, zorder=0.5)
    for x, one in zip(places, shown, strict=True):
        if one.is_missing:
            canvas.hatched(axes, x - step / 2, base - height, step, height)
        elif one.is_suppressed and most:
            small = min(height, height * limit.suppressed_below / most)
            canvas.box(axes, x - step / 2, base - small, step, small, facecolor=WITHHELD, zorder=0.6)
    for run in _runs(shown):
        xs = [places[n] for n in run]
        lows, highs = ([base - height * bounds[n][end] / most for n in run] for end in (0, 1))
        axes.fill_between(xs, lows, highs, color=BAND, linewidth=0, zorder=1)
        middle = [base - height * (shown[n].number or 0) / most for n in run]
        axes.plot(xs, middle, color=BAR, linewidth=1.6, zorder=2, marker="o", markersize=2.6)
        if len(run) == 1:
            axes.plot([xs[0], xs[0]], [lows[0], highs[0]], color=BAND, linewidth=5, solid_capstyle="butt", zorder=1)
    if most:
        peak = max(range(len(shown)), key=lambda n: shown[n].number or 0)
        top = base - height * (shown[peak].number or 0) / most
        canvas.write(axes, left - 0.08, top, shown[peak].text, 8, ha="right")
        canvas.write(axes, left - 0.08, base, "0", 8, color=QUIET, ha="right")


def _gap(rows: list[Row]) -> str:
    return next((row["gap_reason"] for row in rows if row["gap_reason"]), disclosure.MISSING)


def _verdict(axes: Axes, x: float, y: float, verdict: Row | None, weeks: list[Row], limit: Limits) -> None:
    words = verdict["verdict"] if verdict else "no verdict"
    canvas.write(axes, x, y, words, 10, weight="bold", color=VERDICT_COLOURS.get(words, QUIET))
    change = _change(verdict, weeks, limit) if verdict else ""
    for n, line in enumerate(canvas.wrapped(change, WIDTH - MARGIN - x, 8.5)):
        canvas.write(axes, x, y + 0.19 + 0.16 * n, line, 8.5, color=QUIET)


def _foot(axes: Axes, bottom: float, spans: list[date], as_of: date, n_more: int, limit: Limits) -> None:
    """First and last week, what grey and hatching mean, the source, and how many accounts have no room."""
    for week_on, align in ((spans[0], "left"), (spans[-1], "right")):
        x = MARGIN + NAMES + (0 if align == "left" else WEEKS)
        canvas.write(axes, x, bottom + 0.16, f"week of {short_day(week_on)}", 8, color=QUIET, ha=align)
    key = f"grey: {limit.words}; hatched: no extract"
    canvas.write(axes, MARGIN + NAMES + WEEKS + 0.18, bottom + 0.16, key, 8, color=QUIET)
    more = f" {counted(n_more, 'account', 'accounts')} more in the table." if n_more else ""
    source = f"Data of {day(as_of)}. {findings.counts_note(limit)}{more}"
    canvas.write(axes, MARGIN, bottom + 0.52, source, 8, color=QUIET)


def _interval(people: float) -> tuple[float, float]:
    """The 95 % interval of a Poisson count by its square root, which has a variance of one quarter."""
    root = math.sqrt(people)
    return max(0.0, root - 0.98) ** 2, (root + 0.98) ** 2


def _runs(shown: list[Shown]) -> list[list[int]]:
    """The stretches of weeks whose counts are shown: a line is never drawn across a gap."""
    runs: list[list[int]] = [[]]
    for n, one in enumerate(shown):
        if one.number is None:
            runs.append([])
        else:
            runs[-1].append(n)
    return [run for run in runs if run]
