"""Rows of the answers' marts, made by hand: each test says only what it is about, the rest is ordinary."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from tests.report.small_night import AS_OF

MONDAY = date(2026, 1, 5)
NAMES = {"1": "Dale Police", "2": "Dale Riders", "3": "Dale Roads"}
TITLES = {"rider": "Motorcyclists", "farmer": "Farmers", "everyone": "Everyone seen"}
BANDS_OF_HOME = ("home area", "under 25 km", "25 to 100 km", "over 100 km", "abroad", "unknown")
Row = dict[str, Any]


def weeks(account_id: str, people: Sequence[float | None], segment_id: str = "rider", **others: Any) -> list[Row]:
    """Whole weeks of an account's people, one after another; None is a week without an extract."""
    return [
        _key(account_id, segment_id)
        | {
            "week_on": MONDAY + timedelta(weeks=n),
            "is_whole_week": count is not None,
            "n_posts": 3,
            "active_people": count,
            "gap_reason": "no interaction on the platform" if count is None else None,
        }
        | others
        for n, count in enumerate(people)
    ]


def verdict(account_id: str, verdict: str, segment_id: str = "rider", **others: Any) -> Row:
    """A verdict without a trend."""
    none = ("needed_weeks", "trend_change_share", "trend_change_share_lo", "trend_change_share_hi")
    reported = {"verdict": verdict, "verdict_reason": "Because.", "trend": "cannot tell", "active_people": 120.0}
    return _key(account_id, segment_id) | dict.fromkeys(none) | reported | others


def homes(account_id: str, people: Mapping[str, float], segment_id: str = "rider") -> list[Row]:
    """An account's people by band of distance from home; bands that are not named hold nobody."""
    return [
        _key(account_id, segment_id) | {"basis": "follower", "home_band": band, "people": float(people[band])}
        for band in BANDS_OF_HOME
        if band in people
    ]


def visitors(account_id: str, people: Mapping[str, float], segment_id: str = "rider", **others: Any) -> Row:
    """The visitor row that belongs to an account's `homes`."""
    known = [people.get(band, 0) for band in BANDS_OF_HOME[1:5]]
    share = sum(known) / (sum(known) + people.get("home area", 0))
    return (
        _key(account_id, segment_id)
        | {
            "basis": "follower",
            "reach_people": float(sum(people.values())),
            "home_people": float(people.get("home area", 0)),
            "visitor_people": float(sum(known)),
            "unknown_people": float(people.get("unknown", 0)),
            "visitor_share": share,
            "visitor_share_lo": max(0.0, share - 0.04),
            "visitor_share_hi": min(1.0, share + 0.04),
            "audience": "anyone",
            "visitor_reading": None,
            "visitor_reason": None,
        }
        | others
    )


def interactions(account_id: str, hostile: tuple[float, float, float] | None, **others: Any) -> Row:
    """How followers answer an account: (share, lower, upper bound) of hostile texts, or None for no text."""
    share, lo, hi = hostile or (None, None, None)
    return (
        _key(account_id, "everyone")
        | {
            "by_whom": "followers",
            "engaged_people": 500,
            "applause": 12.0,
            "conversation": 3.0,
            "amplification": 6.0,
            "hostile_share": share,
            "hostile_share_lo": lo,
            "hostile_share_hi": hi,
            "tone_precision": 0.78,
            "tone_recall": 0.77,
            "quality_reason": None if hostile else "under 20 texts",
        }
        | others
    )


def frontier(n_kept: int, kept_people: int, segment_id: str = "rider") -> Row:
    """A point of the frontier: so many accounts keep so many of a segment's 800."""
    return {
        "as_of": AS_OF,
        "platform": "x",
        "n_kept": n_kept,
        "segment_id": segment_id,
        "kept_account_ids": [f"x:{one}" for one in sorted(NAMES)[:n_kept]],
        "kept_people": kept_people,
        "net_reach_people": 800,
        "kept_share": kept_people / 800,
        "weighted_reach_share": kept_people / 800,
        "is_optimal": True,
        "gap_share": 0.0,
    }


def named(rows: list[Row]) -> pl.DataFrame:
    """The rows as `pipelines.report.answers` reads them: with the segment's title and the account's name."""
    return pl.DataFrame(
        [
            row | {"title": TITLES[row["segment_id"]], "name": row.get("name", NAMES.get(row["account_id"]))}
            for row in rows
        ],
        infer_schema_length=None,
    )


def _key(account_id: str, segment_id: str) -> Row:
    return {"as_of": AS_OF, "segment_id": segment_id, "platform": "x", "account_id": account_id}
