"""The report's charts, also for notebooks: each takes a frame of `pipelines.report.figures`, gives a Figure.

Lengths and colours are drawn from the numbers as they are shown, so that no exact small count hides in a
picture. Beside each chart stands the text that says the same to whoever does not see it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.release import disclosure
from pipelines.release.disclosure import Limits, Shown
from pipelines.report import canvas, findings
from pipelines.report.canvas import ALONE, BAR, INK, LINE, MARGIN, PAPER, QUIET, STRIPE, WITHHELD
from pipelines.report.labels import ACTIVE, BASIS_TITLES, ENGAGED, EVERYONE, FOLLOWER, days, platform_name

SETS_SHOWN = 12
ACCOUNTS_SHOWN = 20
NAMES_WIDTH = 2.35
ROW, HEAD = 0.34, 0.46
READS = {
    FOLLOWER: "follow the account",
    ACTIVE: "follow it and are active, or engaged",
    ENGAGED: "engaged with the account in the last 90 days",
}


def heat_map(reach: pl.DataFrame, bands: Mapping[str, float], basis: str = FOLLOWER) -> Figure:
    """Draw how much of each segment (column) each open account (row) covers, accounts grouped by platform.

    A missing figure is hatched, with its reason; one too small to be shown is grey.
    """
    limit = disclosure.limits(bands)
    rows = reach.filter(pl.col("basis") == basis)
    segments = _segment_columns(rows)
    groups = _platform_groups(rows, limit)
    words = [canvas.width_of(word, 8.5, "bold") for _, title in segments for word in title.split(" ")]
    cell = min(1.15, max(0.78, 7.0 / max(1, len(segments)), 0.1 + max(words, default=0)))
    left = MARGIN + NAMES_WIDTH
    width = max(8.0, left + cell * len(segments) + 0.1 + MARGIN)
    titles = [canvas.wrapped(title, cell - 0.08, 8.5, "bold") for _, title in segments]
    lines = canvas.title_lines(findings.main_finding(reach, limit, basis), width)
    top = 0.45 + 0.25 * len(lines) + 0.2 + 0.15 * max(map(len, titles), default=1)
    body = sum(HEAD + ROW * len(accounts) for _, accounts in groups)
    figure, axes = canvas.sheet(width, top + body + 0.95)
    below = canvas.write_title(axes, lines)
    canvas.write(axes, MARGIN, below, _heat_map_reads(basis), 9, color=QUIET)
    places = [left + cell * n + (0.1 if n else 0.0) for n in range(len(segments))]
    for place, title in zip(places, titles, strict=True):
        for n, line in enumerate(reversed(title)):
            canvas.write(axes, place + cell / 2, top - 0.12 - 0.15 * n, line, 8.5, weight="bold", ha="center")
    grid = Grid([(x, segment_id) for x, (segment_id, _) in zip(places, segments, strict=True)], cell)
    y = top
    for platform, accounts in groups:
        y = _platform_rows(axes, y, platform, accounts, grid, limit)
    _heat_map_foot(axes, y + 0.3, rows, basis, limit)
    return figure


def heat_map_alt_text(reach: pl.DataFrame, bands: Mapping[str, float], basis: str = FOLLOWER) -> str:
    """Describe the heat map in words."""
    limit = disclosure.limits(bands)
    rows = reach.filter(pl.col("basis") == basis)
    n_accounts = rows.select("platform", "account_id").n_unique()
    n_without = rows.filter(pl.col("reach_people").is_null()).select("platform", "account_id").n_unique()
    return (
        f"Heat map of {n_accounts} accounts by {len(_segment_columns(rows))} segments: the share of each "
        f"segment that each account covers. {findings.main_finding(reach, limit, basis)}. "
        f"{n_without} of the accounts have no such figure. The tables by segment hold the same numbers."
    )


@dataclass(frozen=True)
class Bar:
    """One column of the overlap figure: how many people exactly this set of accounts reaches."""

    people: Shown
    accounts: frozenset[str]
    words: str = ""


@dataclass(frozen=True)
class Overlap:
    """One segment, platform and basis, ready to draw: columns, and accounts (id, name, net reach) as rows."""

    rows: pl.DataFrame
    bars: list[Bar]
    accounts: list[tuple[str, str, Shown]]


def overlap_figure(
    signatures: pl.DataFrame,
    segment_id: str,
    platform: str,
    bands: Mapping[str, float],
    basis: str = FOLLOWER,
) -> Figure:
    """Draw which sets of our accounts reach a segment's people on one platform (UpSet: Lex et al. 2014).

    Sets too small to be shown, and those beyond the twelve largest, are merged into "other sets".
    Raises `ValueError` where there is no row of this segment, platform and basis.
    """
    limit = disclosure.limits(bands)
    overlap = _overlap(signatures, segment_id, platform, basis, limit)
    left = MARGIN + 1.35 + NAMES_WIDTH
    step = min(0.62, 6.6 / len(overlap.bars))
    width = max(8.0, left + step * len(overlap.bars) + 0.15 + MARGIN)
    lines = canvas.title_lines(findings.overlap_finding(overlap.rows, limit), width)
    top = 0.3 + 0.25 * len(lines) + 0.15
    base = top + 2.3
    matrix = base + 0.15
    bottom = matrix + 0.3 * max(len(overlap.accounts), 3)
    figure, axes = canvas.sheet(width, bottom + 0.75)
    canvas.write_title(axes, lines)
    _overlap_reads(axes, top, left)
    _account_rows(axes, overlap.accounts, matrix, (left, width), limit)
    axes.plot([left, width - MARGIN], [base, base], color=LINE, linewidth=0.8, zorder=0.5)
    height = base - top - 0.25
    most = max((bar.people.number or 0 for bar in overlap.bars), default=0) or 1
    for n, bar in enumerate(overlap.bars):
        x = left + step * (n + 0.5) + (0.15 if bar.words else 0.0)
        _set_bar(axes, (x, base), height * (bar.people.number or 0) / most, bar, step, limit)
        _set_dots(axes, x, matrix, bar, [account_id for account_id, _, _ in overlap.accounts])
    _overlap_foot(axes, bottom + 0.3, overlap.rows, basis, limit)
    return figure


def overlap_alt_text(
    signatures: pl.DataFrame,
    segment_id: str,
    platform: str,
    bands: Mapping[str, float],
    basis: str = FOLLOWER,
) -> str:
    """Describe the overlap figure in words: the finding, then the three largest sets."""
    limit = disclosure.limits(bands)
    overlap = _overlap(signatures, segment_id, platform, basis, limit)
    names = {account_id: name for account_id, name, _ in overlap.accounts}
    largest = [
        f"{' and '.join(sorted(names[one] for one in bar.accounts))}: {bar.people.text}"
        for bar in overlap.bars[:3]
        if bar.accounts
    ]
    sets = f" Largest sets: {'; '.join(largest)}." if largest else ""
    finding = findings.overlap_finding(overlap.rows, limit)
    return f"Sets of accounts and the people each set reaches. {finding}.{sets}"


def _segment_columns(rows: pl.DataFrame) -> list[tuple[str, str]]:
    """Segments (id, title) by title, everyone first."""
    found = rows.select("segment_id", "title").unique().iter_rows()
    return sorted(found, key=lambda one: (one[0] != EVERYONE, one[1], one[0]))


def _platform_groups(rows: pl.DataFrame, limit: Limits) -> list[tuple[str, list[list[dict[str, Any]]]]]:
    """Platforms with most people first, those without lists last; in each the accounts by reach."""
    everyone = {
        (row["platform"], row["account_id"]): disclosure.people(row["reach_people"], limit).number or 0
        for row in rows.filter(pl.col("segment_id") == EVERYONE).to_dicts()
    }
    people: dict[str, float] = {}
    accounts: dict[str, dict[tuple[float, str, str], list[dict[str, Any]]]] = {}
    for row in rows.to_dicts():
        platform = row["platform"]
        seen = disclosure.people(row["everyone_people"], limit).number or 0
        people[platform] = max(people.get(platform, 0), seen)
        rank = (-everyone.get((platform, row["account_id"]), 0), row["name"], row["account_id"])
        accounts.setdefault(platform, {}).setdefault(rank, []).append(row)
    ranked = sorted(accounts, key=lambda platform: (-people[platform], platform))
    return [(platform, [accounts[platform][rank] for rank in sorted(accounts[platform])]) for platform in ranked]


@dataclass(frozen=True)
class Grid:
    """The columns of the heat map: left edge (inches) and segment id of each, and their width (inches)."""

    columns: list[tuple[float, str]]
    cell: float

    @property
    def end(self) -> float:
        return self.columns[-1][0] + self.cell


def _platform_rows(
    axes: Axes, y: float, platform: str, accounts: list[list[dict[str, Any]]], grid: Grid, limit: Limits
) -> float:
    """Draw one platform: how many of each segment were seen, then its accounts; give the y below it (inches)."""
    canvas.write(axes, MARGIN, y + HEAD - 0.17, platform_name(platform), 10.5, weight="bold")
    for x, segment_id in grid.columns:
        sizes = [row["segment_people"] for account in accounts for row in account if row["segment_id"] == segment_id]
        known = [size for size in sizes if size is not None]
        if known:
            text = disclosure.people(max(known), limit).text
            canvas.write(axes, x + grid.cell / 2, y + HEAD - 0.16, f"of {text}", 7.5, color=QUIET, ha="center")
    y += HEAD
    for account in accounts:
        by_segment = {row["segment_id"]: row for row in account}
        name = canvas.shortened(account[0]["name"], NAMES_WIDTH - 0.15, 9)
        canvas.write(axes, MARGIN + NAMES_WIDTH - 0.1, y + ROW / 2, name, 9, ha="right")
        rows = [(x, by_segment.get(segment_id)) for x, segment_id in grid.columns]
        if all(row is None or row["reach_people"] is None for _, row in rows):
            _row_without(axes, y, account[0]["reach_reason"], grid.columns[0][0], grid.end)
        else:
            for x, row in rows:
                _cell(axes, x, y, grid.cell, row, limit)
        y += ROW
    return y


def _cell(axes: Axes, x: float, y: float, cell: float, row: dict[str, Any] | None, limit: Limits) -> None:
    place = (x + 0.02, y + 0.02, cell - 0.04, ROW - 0.04)
    middle = (x + cell / 2, y + ROW / 2)
    if row is None or row["reach_people"] is None:
        canvas.hatched(axes, *place)
        reason = row["reach_reason"] if row else None
        canvas.write(axes, *middle, reason or disclosure.MISSING, 7.5, color=QUIET, ha="center")
        return
    coverage = disclosure.share(row["reach_people"], row["segment_people"], limit)
    if coverage.number is None:
        canvas.box(axes, *place, facecolor=WITHHELD)
        is_few = any(disclosure.people(row[f"{of}_people"], limit).text == limit.words for of in ("reach", "segment"))
        text = f"<{limit.suppressed_below}" if is_few else coverage.text
        canvas.write(axes, *middle, text, 8.5, color=QUIET, ha="center")
        return
    colour = canvas.shade(coverage.number)
    canvas.box(axes, *place, facecolor=colour)
    text = f"≥ {coverage.text}" if row["reach_status"] == "lower_bound" else coverage.text
    weight = "bold" if coverage.number >= 0.5 else "normal"
    canvas.write(axes, *middle, text, 9, color=canvas.readable_on(colour), ha="center", weight=weight)


def _row_without(axes: Axes, y: float, reason: str | None, start: float, end: float) -> None:
    """Draw an account without any figure: one hatched row with the reason."""
    canvas.hatched(axes, start + 0.02, y + 0.02, end - start - 0.04, ROW - 0.04)
    words = reason or "not known"
    half = canvas.width_of(words, 9) / 2 + 0.1
    canvas.box(axes, (start + end) / 2 - half, y + 0.04, 2 * half, ROW - 0.08, facecolor="#f7f8f9")
    canvas.write(axes, (start + end) / 2, y + ROW / 2, words, 9, color=QUIET, ha="center")


def _heat_map_reads(basis: str) -> str:
    return f"Coverage: of the segment's people seen on the platform, the share who {READS[basis]}"


def _heat_map_foot(axes: Axes, y: float, rows: pl.DataFrame, basis: str, limit: Limits) -> None:
    canvas.box(axes, MARGIN, y - 0.08, 0.3, 0.16, facecolor=WITHHELD)
    below = limit.suppressed_below
    canvas.write(axes, MARGIN + 0.38, y, f"<{below}: {limit.words} people", 8, color=QUIET)
    canvas.hatched(axes, MARGIN + 2.1, y - 0.08, 0.3, 0.16)
    canvas.write(axes, MARGIN + 2.48, y, "no list of people, so no figure", 8, color=QUIET)
    _source(axes, y + 0.3, rows["data_on"].to_list(), BASIS_TITLES[basis], limit)


def _source(axes: Axes, y: float, found: list[Any], source: str, limit: Limits) -> None:
    text = f"Data of {days(found)}. {source}. {findings.counts_note(limit)}"
    for n, line in enumerate(canvas.wrapped(text, axes.get_xlim()[1] - 2 * MARGIN, 8)):
        canvas.write(axes, MARGIN, y + 0.16 * n, line, 8, color=QUIET)


def _overlap(signatures: pl.DataFrame, segment_id: str, platform: str, basis: str, limit: Limits) -> Overlap:
    is_wanted = (pl.col("segment_id") == segment_id) & (pl.col("platform") == platform) & (pl.col("basis") == basis)
    rows = signatures.filter(is_wanted)
    if rows.is_empty():
        raise ValueError(f"there is no row of segment {segment_id}, platform {platform}, basis {basis}")
    sets, nobody = [], None
    for row in rows.to_dicts():
        if not row["account_ids"]:
            nobody = row["people"]
        else:
            sets.append((frozenset(row["account_ids"]), row["people"]))
    ranked = [(disclosure.people(people, limit), accounts, people) for accounts, people in sets]
    ranked.sort(key=lambda one: (-(one[0].number or 0), len(one[1]), sorted(one[1])))
    bars = [Bar(one, accounts) for one, accounts, _ in ranked[:SETS_SHOWN] if one.number is not None]
    other: float = sum(people for _, _, people in ranked[len(bars) :])
    if math.isnan(other):  # a set is withheld: the rest of all reached is not
        shown = sum(bar.people.number or 0 for bar in bars)
        rest = rows["segment_people"][0] - (0 if nobody is None else nobody) - shown
        other = rest if rest >= limit.suppressed_below else math.nan
    if len(ranked) > len(bars):
        bars.append(Bar(disclosure.people(other, limit), frozenset(), "other sets"))
    if nobody is not None:
        bars.append(Bar(disclosure.people(nobody, limit), frozenset(), "none of ours"))
    return Overlap(rows, bars, _overlap_accounts(rows, bars, limit))


def _overlap_accounts(rows: pl.DataFrame, bars: list[Bar], limit: Limits) -> list[tuple[str, str, Shown]]:
    """Accounts (id, name, net reach), largest first: all that stand in a shown set, others up to twenty."""
    names: dict[str, str] = {}
    net: dict[str, Shown] = {}
    for row in rows.to_dicts():
        each = zip(row["account_ids"], row["account_names"], row["account_people"], strict=True)
        for account_id, name, people in each:
            names[account_id], net[account_id] = name, disclosure.people(people, limit)
    ranked = sorted(net, key=lambda one: (-(net[one].number or 0), names[one], one))
    in_sets = frozenset[str]().union(*(bar.accounts for bar in bars))
    kept = in_sets | set([one for one in ranked if one not in in_sets][: max(0, ACCOUNTS_SHOWN - len(in_sets))])
    return [(one, names[one], net[one]) for one in ranked if one in kept]


def _overlap_reads(axes: Axes, top: float, left: float) -> None:
    """How to read the figure, in the empty corner."""
    canvas.box(axes, MARGIN, top + 0.12, 0.16, 0.16, facecolor=ALONE)
    canvas.write(axes, MARGIN + 0.24, top + 0.2, "people whom only this account reaches", 8.5)
    canvas.box(axes, MARGIN, top + 0.4, 0.16, 0.16, facecolor=BAR)
    canvas.write(axes, MARGIN + 0.24, top + 0.48, "people whom all marked accounts reach", 8.5)
    for n, line in enumerate(canvas.wrapped("Each person is in one column.", left - MARGIN - 0.6, 8.5)):
        canvas.write(axes, MARGIN, top + 0.76 + 0.17 * n, line, 8.5, color=QUIET)


def _short(people: Shown, limit: Limits) -> str:
    """A count in little room: "<10" for "under 10"."""
    return f"<{limit.suppressed_below}" if people.text == limit.words else people.text


def _account_rows(
    axes: Axes, accounts: list[tuple[str, str, Shown]], matrix: float, across: tuple[float, float], limit: Limits
) -> None:
    """Stripes, names, and to their left bars of net reach."""
    left, width = across
    canvas.write(axes, MARGIN + 1.35, matrix - 0.12, "reached in all", 8.5, color=QUIET, ha="right")
    most = max((net.number or 0 for _, _, net in accounts), default=0) or 1
    for n, (_, name, net) in enumerate(accounts):
        y = matrix + 0.3 * n
        if n % 2 == 0:
            canvas.box(axes, MARGIN, y, width - 2 * MARGIN, 0.3, facecolor=STRIPE, zorder=0)
        length = 0.8 * (net.number or 0) / most
        canvas.box(axes, MARGIN + 1.35 - length, y + 0.06, length, 0.18, facecolor="#8aa1b5")
        text = _short(net, limit)
        canvas.write(axes, MARGIN + 1.35 - length - 0.05, y + 0.15, text, 8.5, ha="right")
        short = canvas.shortened(name, NAMES_WIDTH - 0.25, 9)
        canvas.write(axes, left - 0.1, y + 0.15, short, 9, ha="right")


def _set_bar(axes: Axes, foot: tuple[float, float], height: float, bar: Bar, step: float, limit: Limits) -> None:
    x, base = foot
    colour = ALONE if len(bar.accounts) == 1 else BAR if bar.accounts else "#a9b4be"
    canvas.box(axes, x - 0.32 * step, base - height, 0.64 * step, height, facecolor=colour)
    text = _short(bar.people, limit)
    if canvas.width_of(text, 8.5) <= step - 0.04:
        canvas.write(axes, x, base - height - 0.1, text, 8.5, ha="center")
    else:
        canvas.write(axes, x, base - height - 0.05, text, 8.5, ha="center", va="bottom", rotation=90)


def _set_dots(axes: Axes, x: float, matrix: float, bar: Bar, account_ids: list[str]) -> None:
    """Dots for the accounts of a set, joined by a line; words where a column is no one set."""
    if bar.words:
        canvas.write(axes, x, matrix + 0.05, bar.words, 8.5, color=QUIET, ha="center", va="top", rotation=90)
        return
    places = [(matrix + 0.3 * n + 0.15, account_id in bar.accounts) for n, account_id in enumerate(account_ids)]
    marked = [y for y, is_in in places if is_in]
    axes.plot([x, x], [marked[0], marked[-1]], color=INK, linewidth=1.6, zorder=2)
    axes.scatter([x] * len(places), [y for y, _ in places], s=30, color=LINE, zorder=1.5, linewidths=0)
    axes.scatter([x] * len(marked), marked, s=42, color=INK, zorder=3, edgecolors=PAPER, linewidths=0.5)


def _overlap_foot(axes: Axes, y: float, rows: pl.DataFrame, basis: str, limit: Limits) -> None:
    found = [*rows["data_from"].to_list(), *rows["data_on"].to_list()]
    _source(axes, y, found, BASIS_TITLES[basis], limit)
