"""The picture of homes: how far from home the people live whom each account reaches, as they say themselves."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.marts.visitor_reach import FEW_LOCALS
from pipelines.release import disclosure
from pipelines.release.disclosure import Limits, Shown
from pipelines.report import canvas, findings
from pipelines.report.canvas import MARGIN, QUIET
from pipelines.report.labels import BASIS_TITLES, FOLLOWER, counted, day, platform_name

WIDTH, NAMES, READS = 10.0, 2.4, 2.5
ROW = 0.42
ACCOUNTS_SHOWN = 12

# From home outwards one hue grows darker; abroad is another, whoever says nothing is grey.
BAND_COLOURS = {
    "home area": "#d7e5f0",
    "under 25 km": "#9fc0da",
    "25 to 100 km": "#5c93bd",
    "over 100 km": "#24527a",
    "abroad": "#b4500f",
    "unknown": "#eceff1",
}
Row = dict[str, Any]
Strip = tuple[Row, list[tuple[str, Shown]]]


def home_figure(
    homes: pl.DataFrame,
    visitors: pl.DataFrame,
    segment_id: str,
    platform: str,
    bands: Mapping[str, float],
    basis: str = FOLLOWER,
) -> Figure:
    """Draw a segment's people on one platform by distance from home: one bar an account, unknown homes shown.

    `homes` and `visitors` are rows of `mart.reach_home` and `mart.visitor_reach` with `title` and `name`. Beside each
    bar stands the share of visitors among those whose home is known, with its 95 % interval, and whether that is what
    the account is for; an account without a bar says why. Raises `ValueError` where there is no row of this segment,
    platform and basis.
    """
    limit = disclosure.limits(bands)
    strips = _strips(homes, visitors, segment_id, platform, basis, limit)
    n_more = max(0, len(strips) - ACCOUNTS_SHOWN)
    strips = strips[:ACCOUNTS_SHOWN]
    lines = canvas.title_lines(_title(strips, platform, limit), WIDTH)
    top = 0.3 + 0.25 * len(lines) + 0.75
    figure, axes = canvas.sheet(WIDTH, top + ROW * len(strips) + 0.65)
    below = canvas.write_title(axes, lines)
    _legend(axes, below + 0.08)
    left = MARGIN + NAMES + (WIDTH - 2 * MARGIN - NAMES - READS) + 0.15
    canvas.write(axes, left, top - 0.12, "visitors, of known homes", 8.5, color=QUIET)
    for n, (row, parts) in enumerate(strips):
        _strip(axes, top + ROW * n, row, parts, limit)
    _foot(axes, top + ROW * len(strips) + 0.3, strips[0][0], n_more, limit)
    return figure


def home_alt_text(
    homes: pl.DataFrame,
    visitors: pl.DataFrame,
    segment_id: str,
    platform: str,
    bands: Mapping[str, float],
    basis: str = FOLLOWER,
) -> str:
    """Say in words what the picture of homes shows; raises `ValueError` as `home_figure` does."""
    limit = disclosure.limits(bands)
    strips = _strips(homes, visitors, segment_id, platform, basis, limit)[:ACCOUNTS_SHOWN]
    each = "; ".join(f"{row['name']}: {_share_words(row, limit)}" for row, _ in strips)
    return f"Where the people live whom each account reaches. {_title(strips, platform, limit)}. Visitors: {each}."


def _strips(
    homes: pl.DataFrame, visitors: pl.DataFrame, segment_id: str, platform: str, basis: str, limit: Limits
) -> list[Strip]:
    """The visitor row and the shown people by band of each account, those that reach most first.

    Raises `ValueError` where there is none.
    """
    is_wanted = (pl.col("segment_id") == segment_id) & (pl.col("platform") == platform) & (pl.col("basis") == basis)
    people: dict[str, dict[str, float]] = {}
    for row in homes.filter(is_wanted).to_dicts():
        people.setdefault(row["account_id"], {})[row["home_band"]] = row["people"]
    rows = visitors.filter(is_wanted).to_dicts()
    if not rows:
        raise ValueError(f"there is no row of segment {segment_id}, platform {platform}, basis {basis}")
    rows.sort(key=lambda one: (-(_reached(one, limit).number or 0), one["name"], one["account_id"]))
    return [
        (
            row,
            [(band, disclosure.people(people.get(row["account_id"], {}).get(band, 0), limit)) for band in BAND_COLOURS],
        )
        for row in rows
    ]


def _reached(row: Row, limit: Limits) -> Shown:
    return disclosure.people(row["reach_people"], limit)


def _title(strips: list[Strip], platform: str, limit: Limits) -> str:
    """The finding: whose reached people are mostly visitors, and where locals are too few."""
    title, where = strips[0][0]["title"], platform_name(platform)
    too_few = [row["name"] for row, _ in strips if row["visitor_reading"] == FEW_LOCALS]
    known = [row for row, _ in strips if _is_shown(row, limit)]
    fault = f"; too few locals: {', '.join(too_few)}" if too_few else ""
    if not known:
        return f"{title} on {where}: of no account can a share of visitors be shown{fault}"
    first = known[0]
    finding = f"{first['name']} reaches {_visitors(first, 'visitor_share', limit)} visitors, by known homes"
    return f"{title} on {where}: {finding}{fault}"


def _is_shown(row: Row, limit: Limits) -> bool:
    """A share is shown where both its parts are, visitors and locals: of few locals, it would tell how few."""
    parts = (disclosure.people(row[name], limit).number for name in ("visitor_people", "home_people"))
    return row["visitor_share"] is not None and all(parts)


def _share_words(row: Row, limit: Limits) -> str:
    if row["visitor_share"] is None:
        return str(row["visitor_reason"] or disclosure.MISSING)
    if not _is_shown(row, limit):
        few = [
            word
            for word, part in (("visitors", "visitor_people"), ("locals", "home_people"))
            if disclosure.people(row[part], limit).number is None
        ]
        return f"{limit.words} {' and '.join(few)}"
    share, lo, hi = (_visitors(row, f"visitor_share{end}", limit) for end in ("", "_lo", "_hi"))
    return f"{share} ({lo} to {hi})"


def _visitors(row: Row, column: str, limit: Limits) -> str:
    """A share of the people with a known home, as the ratio of two shown counts: as it is, it would disclose them."""
    known = row["visitor_people"] + row["home_people"]
    part = disclosure.people(row[column] * known, limit)
    whole = disclosure.people(known, limit)
    if part.number is None:
        return f"under {disclosure.percent(limit.suppressed_below / (whole.number or known))}"
    return disclosure.percent(min(1.0, part.number / (whole.number or known)))


def _legend(axes: Axes, y: float) -> None:
    x = MARGIN
    for band, colour in BAND_COLOURS.items():
        canvas.box(axes, x, y - 0.07, 0.18, 0.14, facecolor=colour, edgecolor="#b9c2ca", linewidth=0.5)
        canvas.write(axes, x + 0.24, y, band, 8.5)
        x += 0.24 + canvas.width_of(band, 8.5) + 0.22
    canvas.hatched(axes, x, y - 0.07, 0.18, 0.14)
    canvas.write(axes, x + 0.24, y, "too few to be shown", 8.5)


def _strip(axes: Axes, y: float, row: Row, parts: list[tuple[str, Shown]], limit: Limits) -> None:
    """One account: its people as one bar of all whose band is shown, then the visitors in words."""
    length = WIDTH - 2 * MARGIN - NAMES - READS
    left, end = MARGIN + NAMES, MARGIN + NAMES + length
    reached = _reached(row, limit)
    shown = sum(one.number or 0 for _, one in parts)
    total = max(shown, reached.number or 0)
    name = canvas.shortened(row["name"], NAMES - 0.15, 9)
    canvas.write(axes, left - 0.1, y + 0.12, name, 9, ha="right")
    people = reached.text if reached.is_withheld else f"{reached.text} people"
    canvas.write(axes, left - 0.1, y + 0.28, people, 7.5, color=QUIET, ha="right")
    if reached.number is None:
        few = "not shown" if reached.is_withheld else "too few to be shown"
        words = few if reached.is_suppressed else row["visitor_reason"] or "not known"
        canvas.write(axes, left, y + ROW / 2 - 0.02, canvas.shortened(words, length + READS, 9), 9, color=QUIET)
        return
    for band, one in parts:
        if one.number is None:
            continue
        width = length * one.number / total
        colour = BAND_COLOURS[band]
        canvas.box(axes, left, y + 0.04, width, ROW - 0.12, facecolor=colour, edgecolor="#ffffff", linewidth=0.6)
        text = disclosure.percent(one.number / total)
        if width > canvas.width_of(text, 8) + 0.06:
            ink = canvas.readable_on(colour)
            canvas.write(axes, left + width / 2, y + ROW / 2 - 0.02, text, 8, ha="center", color=ink)
        left += width
    if end - left > 0.05:
        canvas.hatched(axes, left, y + 0.04, end - left, ROW - 0.12)
    x = end + 0.15
    canvas.write(axes, x, y + 0.12, canvas.shortened(_share_words(row, limit), READS - 0.15, 9), 9)
    reading = canvas.shortened(row["visitor_reading"] or "", READS - 0.15, 7.5)
    canvas.write(axes, x, y + 0.28, reading, 7.5, color=QUIET)


def _foot(axes: Axes, y: float, row: Row, n_more: int, limit: Limits) -> None:
    basis = BASIS_TITLES.get(row["basis"], row["basis"])
    more = f" {counted(n_more, 'account', 'accounts')} more." if n_more else ""
    text = f"Data of {day(row['as_of'])}. {basis}. {findings.counts_note(limit)}{more}"
    for n, line in enumerate(canvas.wrapped(text, WIDTH - 2 * MARGIN, 8)):
        canvas.write(axes, MARGIN, y + 0.16 * n, line, 8, color=QUIET)
