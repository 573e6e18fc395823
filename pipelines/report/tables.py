"""The report's tables and cards: rows of text, every count of people passed through disclosure."""

from typing import Any

import polars as pl

from pipelines import disclosure
from pipelines.disclosure import MISSING, Limits, Shown
from pipelines.report import findings
from pipelines.report.words import (
    BASIS_TITLES,
    EVERYONE,
    PLATFORMS,
    counted,
    days,
    listed,
    platform_name,
    short_day,
)

Row = dict[str, Any]


def reach_tables(reach: pl.DataFrame, segment_id: str, order: list[str], limit: Limits) -> list[Row]:
    """One table per basis for a segment; platforms in the given order, then others; largest reach first."""
    tables = []
    for basis, title in BASIS_TITLES.items():
        rows = reach.filter((pl.col("segment_id") == segment_id) & (pl.col("basis") == basis)).to_dicts()
        if not rows:
            continue
        ranks = {platform: n for n, platform in enumerate(order)}
        rows.sort(
            key=lambda row: (
                ranks.get(row["platform"], len(ranks)),
                row["platform"],
                -(disclosure.people(row["reach_people"], limit).number or 0),
                row["name"],
                row["account_id"],
            )
        )
        tables.append(
            {
                "basis": basis,
                "title": title,
                "data": days(row["data_on"] for row in rows),
                "rows": [reach_row(row, limit) for row in rows],
            }
        )
    return tables


def reach_row(row: Row, limit: Limits) -> Row:
    """One account's line: its figures, or why there are none."""
    said: Row = {
        "name": row["name"],
        "platform": platform_name(row["platform"]),
        "data": short_day(row["data_on"]),
    }
    if row["reach_people"] is None:
        return said | {"reason": row["reach_reason"] or "not known"}
    one = findings.shown(row, limit)
    fair = disclosure.people(row["fair_share_people"], limit)
    composition = disclosure.share(row["reach_people"], row["account_people"], limit)
    index = disclosure.affinity_index(
        row["reach_people"], row["account_people"], row["segment_people"], row["everyone_people"], limit
    )
    reached, coverage = _cell(one.people, one.is_partial), _cell(one.coverage, one.is_partial)
    return said | {
        "cells": [reached, _cell(one.exclusive), _cell(fair), coverage, _cell(composition), _cell(index)],
    }


def size_sentence(sizes: pl.DataFrame, segment_id: str, order: list[str], limit: Limits) -> str:
    """Say how many of a segment were seen on each platform and how many of them any account reaches."""
    rows = {row["platform"]: row for row in sizes.filter(pl.col("segment_id") == segment_id).to_dicts()}
    said = []
    for platform in order:
        seen = disclosure.people(rows[platform]["segment_people"], limit)
        reached = disclosure.people(rows[platform]["reached_people"], limit)
        said.append(f"{platform_name(platform)}: {seen.text} seen, {reached.text} reached by any account of ours")
    if not said:
        return "No platform gives lists of people."
    return f"{'; '.join(said)}. Data of {days(row['data_on'] for row in rows.values())}."


def scorecard(row: Row, limit: Limits) -> Row:
    """One account's card: pairs of a label and its figure, each with the day it is of."""
    as_of = short_day(row["as_of"])
    window = f"90 days to {as_of}"
    list_day = short_day(row["follower_list_on"])
    since = f"{short_day(row['earlier_list_on'])} to {list_day}"
    people = (
        ("Followers, our lists", disclosure.people(row["followers"], limit), list_day),
        ("Reached by it alone", disclosure.people(row["exclusive_people"], limit), list_day),
        ("Engaged", disclosure.people(row["engaged_people"], limit), window),
        ("Net change of followers", disclosure.change(row["net_new_followers"], limit), since),
        ("Share who left", _left_share(row, limit), since),
        (
            "Followers, the platform's count",
            disclosure.people(row["followers_reported"], limit),
            short_day(row["followers_reported_on"]),
        ),
    )
    records = (
        ("Posts", _number(row["n_posts"]), window),
        ("Likes, replies, reposts", _joined(row["n_likes"], row["n_replies"], row["n_reposts"]), window),
        ("Impressions", _number(row["n_impressions"]), window),
        ("Engagement rate by impressions", _rate(row["engagement_rate_by_impressions"]), window),
        ("Last post", short_day(row["last_posted_on"]), ""),
    )
    return {
        "name": row["name"] or row["handle"] or row["account_id"],
        "handle": row["handle"],
        "platform": platform_name(row["platform"]),
        "purpose": row["purpose"] or "",
        "is_open": row["is_open"],
        "data_basis": row["data_basis"],
        "figures": [_figure(label, one.text, on, one.is_suppressed) for label, one, on in people]
        + [_figure(label, text, on) for label, text, on in records],
    }


def scorecards(cards: pl.DataFrame, limit: Limits) -> list[Row]:
    """Every account's card, by platform, most followers first."""

    def rank(row: Row) -> tuple[Any, ...]:
        followers = disclosure.people(row["followers"], limit).number or 0
        place = list(PLATFORMS).index(row["platform"]) if row["platform"] in PLATFORMS else len(PLATFORMS)
        return place, row["platform"], -followers, str(row["name"]), row["account_id"]

    return [scorecard(row, limit) for row in sorted(cards.to_dicts(), key=rank)]


def failed_checks(checks: pl.DataFrame) -> list[Row]:
    """One row per expectation that did not hold."""
    failed = checks.filter(~pl.col("is_success")).to_dicts()
    return [row | {"n_unexpected": _number(row["n_unexpected"])} for row in failed]


def checks_by_layer(checks: pl.DataFrame) -> str:
    """Say how many checks of each layer held."""
    said = []
    for layer in ("raw", "core", "mart"):
        of_layer = checks.filter(pl.col("layer") == layer)
        if not of_layer.is_empty():
            said.append(f"{layer} {of_layer['is_success'].sum():,} of {of_layer.height:,}")
    return f"Held by layer: {', '.join(said)}." if said else ""


def delivery_rows(deliveries: pl.DataFrame) -> list[Row]:
    """One row per source; rows are records of an extract, not people, and stand exact."""
    return [
        row
        | {"days": f"{short_day(row['first_on'])} to {short_day(row['last_on'])}"}
        | {name: _number(row[name]) for name in row if name.startswith("n_")}
        for row in deliveries.to_dicts()
    ]


def quarantine_rows(quarantine: pl.DataFrame) -> list[Row]:
    """One row per source, table and reason."""
    return [
        row | {"n_rows": _number(row["n_rows"]), "last_on": short_day(row["last_on"])} for row in quarantine.to_dicts()
    ]


def restated_sentence(restatements: pl.DataFrame) -> str:
    """Say how many figures a later delivery gave another value."""
    if restatements.is_empty():
        return "No figure was given another value by a later delivery."
    total = counted(int(restatements["n_restated"].sum()), "figure was", "figures were")
    parts = [
        f"{row['n_restated']:,} of {row['metric']} on {platform_name(row['platform'])}"
        for row in restatements.to_dicts()
    ]
    latest = days([restatements["last_on"].max()])  # type: ignore[list-item]
    return f"{total} given another value by a later delivery, last on {latest}: {listed(parts)}."


def segment_order(reach: pl.DataFrame) -> list[tuple[str, str]]:
    """Segments (id, title) by title, everyone last: it is the baseline, not an answer."""
    found = reach.select("segment_id", "title").unique().iter_rows()
    return sorted(found, key=lambda one: (one[0] == EVERYONE, one[1], one[0]))


def _left_share(row: Row, limit: Limits) -> Shown:
    """Share of the earlier list's people who left; the mart has the share, so both counts are worked back."""
    if row["churn_share"] is None or row["followers"] is None or row["net_new_followers"] is None:
        return disclosure.NOT_KNOWN
    earlier = row["followers"] - row["net_new_followers"]
    return disclosure.share(round(row["churn_share"] * earlier), earlier, limit)


def _cell(one: Shown, is_lower_bound: bool = False) -> Row:
    is_bound = is_lower_bound and one.number is not None
    return {"text": f"≥\u00a0{one.text}" if is_bound else one.text, "is_quiet": one.number is None}


def _figure(label: str, text: str, on: str, is_quiet: bool = False) -> Row:
    return {
        "label": label,
        "text": text,
        "on": on if text != MISSING else "",
        "is_quiet": is_quiet or text == MISSING,
    }


def _number(value: int | None) -> str:
    return MISSING if value is None else f"{value:,}"


def _joined(*values: int | None) -> str:
    return MISSING if all(value is None for value in values) else " / ".join(_number(value) for value in values)


def _rate(value: float | None) -> str:
    return MISSING if value is None else f"{100 * value:.1f}\u00a0%"
