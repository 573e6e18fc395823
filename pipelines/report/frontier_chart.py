"""The frontier as a picture: accounts kept against the share of each segment's active reach that they still reach.

Shares are computed from rounded counts. A share of a count too small to be shown is not drawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.common.query import query
from pipelines.release import disclosure
from pipelines.report import canvas, findings
from pipelines.report.canvas import INK, LINE, MARGIN, QUIET
from pipelines.report.labels import EVERYONE, days, platform_name

ALL = "all"
ENOUGH = 0.9
HEIGHT, LABELS, PLOT, LIST = 3.3, 2.9, 3.9, 2.6
STEPS_SHOWN = 18
WIDTH = MARGIN + LABELS + PLOT + 0.5 + LIST + MARGIN
# Colours by Okabe and Ito: distinct for every common type of colour vision. Their yellow is too light on paper.
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5230")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))


@dataclass(frozen=True)
class Path:
    """One segment's line along the frontier: (accounts kept, share) where the share can be shown."""

    segment_id: str
    title: str
    points: list[tuple[int, float]]


def read_frontier(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read `mart.keep_frontier` with titles and account names; a row per platform, size and segment."""
    found: pl.DataFrame = con.sql(query("report/frontier")).pl()
    return found


def frontier_figure(frontier: pl.DataFrame, bands: Mapping[str, float], platform: str | None = None) -> Figure:
    """Draw the frontier of a platform, or of all added up where there are several.

    `frontier` is a frame of `read_frontier`. Raises `ValueError` where it has no row of the platform.
    """
    limit = disclosure.limits(bands)
    rows, where = _rows(frontier, platform)
    paths = _paths(rows, limit)
    sizes = sorted(set(rows["n_kept"]))
    lines = canvas.title_lines(_finding(rows, paths, where), WIDTH)
    top = 0.3 + 0.25 * len(lines) + 0.45
    listed = _steps(rows)
    height = max(HEIGHT, 0.17 * min(len(listed), STEPS_SHOWN) + 0.4)
    figure, axes = canvas.sheet(WIDTH, top + height + 1.1)
    below = canvas.write_title(axes, lines)
    canvas.write(
        axes, MARGIN, below + 0.02, "Share of each segment's active reach of today that is kept", 9, color=QUIET
    )
    left, low = MARGIN + LABELS, min((share for one in paths for _, share in one.points), default=0.0)
    floor = max(0.0, (int(low * 10 - 1e-9)) / 10)
    axes_of = _Frame(left, top, PLOT, height, floor, sizes[0], max(sizes[-1], sizes[0] + 1))
    _grid(axes, axes_of, sizes)
    for n, one in enumerate(paths):
        colour = INK if one.segment_id == EVERYONE else COLOURS[n % len(COLOURS)]
        dash = DASHES[2] if one.segment_id == EVERYONE else DASHES[n // len(COLOURS) % 2]
        places = [axes_of.place(size, share) for size, share in one.points]
        across, down = ([place[n] for place in places] for n in (0, 1))
        axes.plot(across, down, color=colour, linewidth=1.8, linestyle=dash, zorder=2)
        axes.scatter(across, down, s=13, color=colour, zorder=3, linewidths=0)
    _labels(axes, axes_of, paths)
    _list(axes, left + PLOT + 0.5, top, listed)
    _foot(axes, top + height + 0.55, rows, where, limit)
    return figure


def frontier_alt_text(frontier: pl.DataFrame, bands: Mapping[str, float], platform: str | None = None) -> str:
    """Describe the frontier in words: the finding, and each segment's share with the fewest accounts."""
    rows, where = _rows(frontier, platform)
    paths = _paths(rows, disclosure.limits(bands))
    first = "; ".join(f"{one.title} {disclosure.percent(one.points[0][1])} with {one.points[0][0]}" for one in paths)
    return (
        "Lines of the share of each segment still reached by the number of accounts kept. "
        f"{_finding(rows, paths, where)}. {first}."
    )


@dataclass(frozen=True)
class _Frame:
    """Where the plot stands, in inches, and what its edges mean."""

    left: float
    top: float
    width: float
    height: float
    floor: float
    first: int
    last: int

    def place(self, size: float, share: float) -> tuple[float, float]:
        x = self.left + 0.15 + (self.width - 0.3) * (size - self.first) / (self.last - self.first)
        return x, self.top + self.height * (1 - share) / (1 - self.floor)


def _rows(frontier: pl.DataFrame, platform: str | None) -> tuple[pl.DataFrame, str]:
    known = frontier["platform"].unique().sort().to_list()
    chosen = platform or (ALL if ALL in known else known[0] if known else "")
    rows = frontier.filter(platform=chosen).sort("n_kept", "segment_id")
    if rows.is_empty():
        raise ValueError(f"there is no frontier of platform {chosen or 'any'}")
    return rows, chosen


def _paths(rows: pl.DataFrame, limit: disclosure.Limits) -> list[Path]:
    """Segments by what the fewest accounts keep of them, most first; everyone last."""
    found = []
    for (segment_id,), part in rows.group_by("segment_id", maintain_order=True):
        shares = [
            (row["n_kept"], disclosure.share(row["kept_people"], row["net_reach_people"], limit).number)
            for row in part.sort("n_kept").to_dicts()
        ]
        points = [(size, min(share, 1.0)) for size, share in shares if share is not None]
        if points:
            found.append(Path(str(segment_id), str(part["title"][0]), points))
    return sorted(found, key=lambda one: (one.segment_id == EVERYONE, one.title, one.segment_id))


def _finding(rows: pl.DataFrame, paths: list[Path], where: str) -> str:
    """The fewest accounts along the frontier that keep enough of every segment shown."""
    most = int(rows["n_kept"].max())  # type: ignore[arg-type]
    segments = [dict(one.points) for one in paths if one.segment_id != EVERYONE] or [dict(one.points) for one in paths]
    enough = disclosure.percent(ENOUGH)
    on = "" if where == ALL else f" on {platform_name(where)}"
    for size in range(1, most + 1):
        if segments and all(shares.get(size, 0.0) >= ENOUGH for shares in segments):
            best = f"The best {size} of {most} accounts{on} by weighted reach"
            return f"{best} keep at least {enough} of every segment's active reach"
    return f"No set of accounts{on} keeps {enough} of every segment's active reach that can be shown"


def _steps(rows: pl.DataFrame) -> list[str]:
    """Describe each size's change: the accounts added, and in brackets the number removed."""
    lines, before = [], frozenset[str]()
    for (size,), part in rows.group_by("n_kept", maintain_order=True):
        refs, names = part["kept_account_ids"][0].to_list(), part["kept_names"][0].to_list()
        named = dict(zip(refs, names, strict=True))
        several = part["platform"][0] == ALL
        labels = {ref: f"{name} ({ref.partition(':')[0]})" if several else name for ref, name in named.items()}
        come = [labels[one] for one in refs if one not in before]
        n_out = len(before - set(refs))
        lines.append(f"{size}  {'+ ' if before else ''}{', '.join(come)}{f' (instead of {n_out})' if n_out else ''}")
        before = frozenset(refs)
    return lines


def _grid(axes: Axes, frame: _Frame, sizes: list[int]) -> None:
    for tenth in range(round(frame.floor * 10), 11):
        _, y = frame.place(frame.first, tenth / 10)
        heavy = tenth == round(ENOUGH * 10)
        axes.plot(
            [frame.left, frame.left + frame.width], [y, y], color=QUIET if heavy else LINE, linewidth=0.7, zorder=0.5
        )
        canvas.write(axes, frame.left + frame.width + 0.03, y, f"{10 * tenth}\u00a0%", 7.5, color=QUIET)
    step = -(-len(sizes) // 16)
    for size in sizes[::step]:
        x, _ = frame.place(size, 1.0)
        canvas.write(axes, x, frame.top + frame.height + 0.14, str(size), 8.5, color=QUIET, ha="center")
    middle = frame.left + frame.width / 2
    canvas.write(axes, middle, frame.top + frame.height + 0.32, "accounts kept", 8.5, color=QUIET, ha="center")


def _labels(axes: Axes, frame: _Frame, paths: list[Path]) -> None:
    """Name each line where it begins, pushed apart so that no name lies on another."""
    wanted = sorted((frame.place(*one.points[0])[1], n) for n, one in enumerate(paths))
    places: list[float] = []
    for y, _ in wanted:
        places.append(max(y, places[-1] + 0.19) if places else y)
    over = max(0.0, (places[-1] if places else 0.0) - (frame.top + frame.height))
    for n in range(len(places) - 1, -1, -1):
        limit = places[n + 1] - 0.19 if n + 1 < len(places) else places[n] - over
        places[n] = min(places[n], limit)
    for place, (y, n) in zip(places, wanted, strict=True):
        one = paths[n]
        colour = INK if one.segment_id == EVERYONE else COLOURS[n % len(COLOURS)]
        share = disclosure.percent(one.points[0][1])
        text = canvas.shortened(one.title, LABELS - 0.7, 9)
        start, _ = frame.place(*one.points[0])
        axes.plot([frame.left - 0.12, start], [place, y], color=colour, linewidth=0.6, alpha=0.6, zorder=1)
        canvas.write(axes, frame.left - 0.15, place, f"{text}  {share}", 9, color=INK, ha="right")
        canvas.box(axes, frame.left - 0.12, place - 0.05, 0.07, 0.1, facecolor=colour)


def _list(axes: Axes, x: float, top: float, listed: list[str]) -> None:
    canvas.write(axes, x + 0.05, top - 0.12, "Accounts of the best set of each size", 8.5, weight="bold")
    shown = listed if len(listed) <= STEPS_SHOWN else [*listed[: STEPS_SHOWN - 1], "…"]
    for n, line in enumerate(shown):
        text = canvas.shortened(line, LIST, 8)
        canvas.write(axes, x + 0.05, top + 0.1 + 0.17 * n, text, 8)


def _foot(axes: Axes, y: float, rows: pl.DataFrame, where: str, limit: disclosure.Limits) -> None:
    gap = float(rows["gap_share"].max() or 0.0)  # type: ignore[arg-type]
    proof = "No other set reaches more" if gap == 0 else f"No other set reaches more than {gap:.2%} more"
    notes = [f"{proof}, by weighted reach. Active: followers with observed activity in 90 days, or who engaged."]
    if where == ALL:
        notes.append("People are not matched between platforms: a person on two platforms counts twice.")
    notes.append(f"Data of {days(rows['as_of'].to_list())}. {findings.counts_note(limit)}")
    for n, note in enumerate(notes):
        canvas.write(axes, MARGIN, y + 0.17 * n, note, 8, color=QUIET)
