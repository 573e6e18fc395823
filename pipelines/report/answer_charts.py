"""The report's charts of answers: each an image for the page, or a sentence that says why there is none."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from pipelines.release import disclosure
from pipelines.report import canvas, frontier_chart, home_chart, quality_chart, trend_chart
from pipelines.report.figures import Night
from pipelines.report.labels import EVERYONE, FOLLOWER, platform_name

FOLLOWERS = "followers"
Part = dict[str, Any]


def of_segment(
    night: Night, folder: Path, bands: Mapping[str, float], segment_id: str, platforms: list[str]
) -> dict[str, Part]:
    """The trend and the homes of a segment on the first of its platforms, that with most of its people."""
    if not platforms:
        why = {"why": "We have no lists of people."}
        return {"trend": why, "homes": why}
    platform = platforms[0]
    if _is_small(night, bands, segment_id, platform):
        why = {"why": f"Too few people were seen on {platform_name(platform)} to draw a chart."}
        return {"trend": why, "homes": why}
    return {
        "trend": _trend(night, folder, bands, segment_id, platform),
        "homes": _homes(night, folder, bands, segment_id, platform),
    }


def quality(night: Night, folder: Path, bands: Mapping[str, float]) -> Part:
    """How followers answer each account."""
    rows = night.answers.interactions
    if rows.filter((pl.col("segment_id") == EVERYONE) & (pl.col("by_whom") == FOLLOWERS)).is_empty():
        return {"why": "We received no likes, replies or reposts: it is not known how people answer."}
    chart = quality_chart.quality_figure(rows, bands, EVERYONE, FOLLOWERS)
    return shown_chart(chart, folder, "quality", quality_chart.quality_alt_text(rows, bands, EVERYONE, FOLLOWERS))


def frontier(night: Night, folder: Path, bands: Mapping[str, float]) -> Part:
    """Accounts kept against the share of each segment still reached, all platforms added up."""
    rows = night.answers.frontier
    if rows.is_empty():
        return {"why": "We have no lists of people: it is not known which accounts are enough."}
    chart = frontier_chart.frontier_figure(rows, bands)
    return shown_chart(chart, folder, "frontier", frontier_chart.frontier_alt_text(rows, bands))


def shown_chart(chart: Figure, folder: Path, stem: str, alt_text: str) -> Part:
    """Save a chart; in the page it is an image of its SVG, where nothing in it can run or reach outside."""
    svg = canvas.save(chart, folder / stem)
    encoded = base64.b64encode(svg).decode("ascii")
    width, height = (round(96 * inches) for inches in chart.get_size_inches())
    return {
        "stem": stem,
        "alt": alt_text,
        "source": f"data:image/svg+xml;base64,{encoded}",
        "width": width,
        "height": height,
    }


def plain(name: str) -> str:
    """A name that is safe in a file's name and an anchor."""
    return re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")


def _is_small(night: Night, bands: Mapping[str, float], segment_id: str, platform: str) -> bool:
    rows = night.sizes.filter((pl.col("segment_id") == segment_id) & (pl.col("platform") == platform))
    return all(disclosure.people(one, disclosure.limits(bands)).number is None for one in rows["segment_people"])


def _trend(night: Night, folder: Path, bands: Mapping[str, float], segment_id: str, platform: str) -> Part:
    trend, verdicts = night.answers.trend, night.answers.verdicts
    if trend.filter((pl.col("segment_id") == segment_id) & (pl.col("platform") == platform)).is_empty():
        return {"why": f"We have no weekly data of {platform_name(platform)}: the trend is not known."}
    chart = trend_chart.trend_figure(trend, verdicts, segment_id, platform, bands)
    says = trend_chart.trend_alt_text(trend, verdicts, segment_id, platform, bands)
    return shown_chart(chart, folder, f"trend-{plain(segment_id)}-{plain(platform)}", says)


def _homes(night: Night, folder: Path, bands: Mapping[str, float], segment_id: str, platform: str) -> Part:
    homes, visitors = night.answers.homes, night.answers.visitors
    wanted = (pl.col("segment_id") == segment_id) & (pl.col("platform") == platform) & (pl.col("basis") == FOLLOWER)
    if visitors.filter(wanted).is_empty():
        return {"why": f"We received no places from {platform_name(platform)}: it is not known where its people live."}
    chart = home_chart.home_figure(homes, visitors, segment_id, platform, bands)
    says = home_chart.home_alt_text(homes, visitors, segment_id, platform, bands)
    return shown_chart(chart, folder, f"homes-{plain(segment_id)}-{plain(platform)}", says)
