"""Does an account still reach a community: `reaches`, `no longer reaches`, or `cannot tell` and what data would decide.

The thresholds are fixed beforehand in bands.yml; an account reaches a segment if the lower bound of its active reach
is at or above the threshold, and no longer if the upper bound is below. `pipelines.reach.intervals` makes the bounds,
`pipelines.reach.trend` the trend of the weekly series. Over all pairs of account and segment the false-discovery rate
is held, of verdicts and of trends: what does not pass is `cannot tell`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.marts import Inputs
from pipelines.reach import intervals, trend
from pipelines.reach.intervals import WINDOW_WEEKS, Bounds, Evidence
from pipelines.reach.trend import Flags, Floats, Trends
from pipelines.reach.verdict_reason import CANNOT_TELL, NO_LONGER, REACHES, PairVerdict

TABLE = "mart.reach_verdict"
READS = (
    "mart.segment_reach",
    "mart.account_scorecard",
    "mart.reach_trend",
    "meta.freshness",
)

FALLING, RISING, STEADY = "falling", "rising", "steady"
SHARE_BAND, PEOPLE_BAND = "still_reaches_coverage_share", "still_reaches_people"
BANDS = (SHARE_BAND, PEOPLE_BAND)
ACCOUNT = ["platform", "account_id"]
KEY = [*ACCOUNT, "segment_id"]
TEXTS = (*KEY, "verdict", "verdict_reason", "threshold_measure", "trend")
COUNTS = ("needed_weeks", "needed_people", "n_weeks")


@dataclass(frozen=True)
class Verdicts:
    """One verdict per pair: its bounds, its p and q, and what data would decide where none does."""

    verdict: NDArray[np.str_]
    bounds: Bounds
    p: Floats
    q: Floats
    needed_weeks: Floats
    needed_people: Floats


@dataclass(frozen=True)
class Observed:
    """Pairs of account and segment, their weekly series (pairs x weeks), its trends, and the weeks that are covered."""

    pairs: pl.DataFrame
    series: Floats
    trends: Trends
    covered: Floats


def make(inputs: Inputs) -> pl.DataFrame:
    """Make a row per open account of ours and segment, everyone included.

    Raises `RefError` where bands.yml is not usable.
    """
    posted = inputs.read("mart.account_scorecard", *ACCOUNT, "last_posted_on")
    bases = inputs.read("mart.segment_reach")
    listed = bases.filter(basis="follower").select(*KEY, has_follower_list=pl.col("reach_status") != "unknown")
    reach = bases.filter(basis="active").join(listed, on=KEY)
    stale = inputs.stale_accounts("follower", "engagement")
    weeks = inputs.read("mart.reach_trend", *KEY, "week_on", "active_people", "is_whole_week", "gap_reason")
    weeks = weeks.join(inputs.stale_accounts("engagement"), on=ACCOUNT, how="anti")
    return judge(
        reach.join(posted, on=ACCOUNT).join(stale, on=ACCOUNT, how="left"),
        weeks.filter(pl.col("is_whole_week") & pl.col("gap_reason").is_null()),
        inputs.bands,
        inputs.as_of,
    )


def judge(pairs: pl.DataFrame, weeks: pl.DataFrame, bands: Mapping[str, float], as_of: date) -> pl.DataFrame:
    """Judge pairs of account and segment by their active reach and their whole weeks without a gap (see `make`).

    Of a pair with a `stale_reason` nothing can be told, however many people its last extracts hold.
    """
    pairs = pairs.sort(KEY)
    series = weekly_series(pairs, weeks, as_of)
    accounts = pairs.select(pl.struct("platform", "account_id").rank("dense").cast(pl.Int64) - 1).to_series()
    trends = trend.fit(series, accounts.to_numpy())
    observed = Observed(pairs, series, trends, covered_weeks(pairs, weeks, as_of))
    evidence = gather(observed, bands, as_of)
    found = decide(evidence, bands["trend_false_discovery_share"])
    columns: dict[str, Any] = {
        "as_of": pl.Series([as_of] * len(pairs), dtype=pl.Date),
        **{name: pairs[name] for name in KEY},
        "verdict": found.verdict,
        "verdict_reason": _reasons(pairs, evidence, found),
        **_verdict_columns(evidence, found),
        **_trend_columns(trends, bands),
        "last_posted_on": pairs["last_posted_on"],
    }
    table = pl.DataFrame([_column(name, values) for name, values in columns.items()])
    # The next extract would decide, not more weeks like the last one.
    is_stale = pairs["stale_reason"].is_not_null()
    return table.with_columns(
        pl.when(is_stale).then(None).otherwise(pl.col(name)).alias(name) for name in ("needed_weeks", "needed_people")
    )


def _verdict_columns(evidence: Evidence, found: Verdicts) -> dict[str, Any]:
    """Give the figures of a verdict. Where no reach is known, a complete window of extracts would decide."""
    return {
        "threshold_measure": np.where(evidence.is_share, "coverage", "people"),
        "threshold": evidence.threshold,
        "active_people": evidence.people,
        "active_people_lo": found.bounds.people_lo,
        "active_people_hi": found.bounds.people_hi,
        "active_share": evidence.share,
        "active_share_lo": found.bounds.share_lo,
        "active_share_hi": found.bounds.share_hi,
        "p_value": found.p,
        "q_value": found.q,
        "needed_weeks": np.where(np.isfinite(evidence.people), found.needed_weeks, WINDOW_WEEKS),
        "needed_people": found.needed_people,
    }


def _trend_columns(trends: Trends, bands: Mapping[str, float]) -> dict[str, Any]:
    q = trend.false_discovery(trends.p)
    return {
        "trend": trend_words(trends, q, bands),
        "trend_change_share": trends.change,
        "trend_change_share_lo": trends.lo,
        "trend_change_share_hi": trends.hi,
        "trend_q_value": q,
        "n_weeks": trends.n_weeks,
    }


def _column(name: str, values: Any) -> pl.Series:
    """Make a column with missing values for NaN."""
    if name in COUNTS:
        return pl.Series(name, values, dtype=pl.Float64).fill_nan(None).cast(pl.Int64)
    if name in TEXTS:
        return pl.Series(name, values, dtype=pl.String)
    return pl.Series(name, values).fill_nan(None) if isinstance(values, np.ndarray) else values.alias(name)


def weekly_series(pairs: pl.DataFrame, weeks: pl.DataFrame, as_of: date) -> Floats:
    """Lay out active people as pairs x weeks, 26 weeks that end by `as_of`; NaN where a week has no figure."""
    n_weeks = 2 * WINDOW_WEEKS
    last = as_of - timedelta(days=as_of.weekday() + (7 if as_of.weekday() < 6 else 0))
    series = np.full((len(pairs), n_weeks), np.nan)
    there = (
        pairs.select(KEY)
        .with_row_index("pair")
        .join(weeks, on=KEY)
        .with_columns(week=(pl.col("week_on") - pl.lit(last)).dt.total_days() // 7 + n_weeks - 1)
        .filter(pl.col("week").is_between(0, n_weeks - 1))
    )
    series[there["pair"].to_numpy(), there["week"].to_numpy()] = there["active_people"].to_numpy()
    return series


def covered_weeks(pairs: pl.DataFrame, weeks: pl.DataFrame, as_of: date) -> Floats:
    """Say for each pair how many of the 13 weeks of its active reach the extracts of its platform cover.

    Observed activity may be an interaction with any account: a platform's week counts if any account of ours has a
    figure. Extracts that are too old cover none.
    """
    first = as_of - timedelta(days=7 * WINDOW_WEEKS - 1)
    possible = sum(
        (first + timedelta(days=n)).weekday() == 0 for n in range(7 * WINDOW_WEEKS - 6)
    )  # whole weeks in the time: 12 or 13
    n_covered = (
        weeks.filter(pl.col("week_on").is_between(first, as_of - timedelta(days=6)))
        .group_by("platform")
        .agg(pl.col("week_on").n_unique().alias("n_covered"))
    )
    found = pairs.select("platform").join(n_covered, on="platform", how="left", maintain_order="left")
    n_weeks = found["n_covered"].fill_null(0).to_numpy() * (WINDOW_WEEKS / possible)
    return np.where(pairs["stale_reason"].is_null().to_numpy(), n_weeks, 0.0)


def thresholds(pairs: pl.DataFrame, bands: Mapping[str, float]) -> tuple[Floats, Flags]:
    """Find each pair's threshold and whether it is a share of the segment, else in people.

    A segment's own band decides alone; of two bands, own or general, the one that asks for fewer people holds.
    """
    size = _floats(pairs["segment_people"])
    share, people = (np.array([_band(bands, band, one) for one in pairs["segment_id"]]) for band in BANDS)
    is_share = np.isnan(people) | (np.isfinite(share) & ~(share * size > people))
    return np.where(is_share, share, people), is_share


def _band(bands: Mapping[str, float], band: str, segment_id: str) -> float:
    own = {one: bands[f"{one}.{segment_id}"] for one in BANDS if f"{one}.{segment_id}" in bands}
    return own.get(band, np.nan) if own else bands[band]


def gather(observed: Observed, bands: Mapping[str, float], as_of: date) -> Evidence:
    """Put together what is known of each pair."""
    pairs, trends = observed.pairs, observed.trends
    threshold, is_share = thresholds(pairs, bands)
    days_old = pairs.select(days=(pl.lit(as_of) - pl.col("data_on")).dt.total_days())["days"]
    newest = pairs.select(pl.col("data_on").max().over("platform"))["data_on"]
    silent_days = (newest - pairs["last_posted_on"]).dt.total_days().fill_null(0)
    n_weeks = trends.n_weeks.astype(np.float64)
    people = _floats(pairs["reach_people"])
    lately = np.nansum(observed.series[:, -WINDOW_WEEKS:], axis=1)
    habits, overdispersion = intervals.noise(people, lately, trends.dispersion, trends.autocorrelation)
    platform = pairs["platform"].to_numpy().astype(np.str_)
    return Evidence(
        people=people,
        people_lo=_floats(pairs["reach_people_lo"]),
        people_hi=_floats(pairs["reach_people_hi"]),
        share=_floats(pairs["coverage_share"]),
        share_lo=_floats(pairs["coverage_share_lo"]),
        share_hi=_floats(pairs["coverage_share_hi"]),
        segment_people=_floats(pairs["segment_people"]),
        threshold=threshold,
        is_share=is_share,
        noise=habits + overdispersion,
        overdispersion=overdispersion,
        slopes=intervals.platform_slopes(trends.slope, trends.slope_se, platform),
        horizon=intervals.horizon(people, lately) + np.maximum(_floats(days_old), 0.0) / 7,
        covered=observed.covered,
        is_silent=(silent_days >= bands["dormant_after_days"]).to_numpy(),
        level=np.nansum(observed.series, axis=1) / np.maximum(n_weeks, 1),
        n_weeks=n_weeks,
    )


def decide(evidence: Evidence, false_discovery_share: float) -> Verdicts:
    """Give each pair its verdict, and what data would decide where there is none."""
    found = intervals.bounds(evidence)
    p = intervals.p_values(evidence, found)
    p = np.where((evidence.covered > 0) & (evidence.segment_people > 0), p, np.nan)
    q = trend.false_discovery(p)
    middle = np.where(evidence.is_share, evidence.share, evidence.people)
    is_told = (p <= 0.05) & (q <= false_discovery_share)
    verdict = np.where(is_told, np.where(middle >= evidence.threshold, REACHES, NO_LONGER), CANNOT_TELL)
    weeks, people = np.full(len(p), np.nan), np.full(len(p), np.nan)
    # A p-value like the largest accepted one tonight would be accepted; a little less, as more data move all pairs.
    asked = 0.8 * min(0.05, false_discovery_share * (is_told.sum() + 1) / max(np.isfinite(p).sum(), 1))
    open_ = ~is_told & np.isfinite(middle) & (evidence.segment_people > 0)
    if open_.any():
        rest = evidence.of(open_)
        weeks[open_] = intervals.needed_weeks(rest, asked)
        weeks[open_ & (evidence.covered == 0)] = WINDOW_WEEKS
        people[open_] = np.where(np.isnan(weeks[open_]), intervals.needed_people(rest, asked), np.nan)
    return Verdicts(verdict, found, p, q, weeks, people)


def trend_words(trends: Trends, q: Floats, bands: Mapping[str, float]) -> list[str]:
    """Say of each trend whether it falls, rises or is steady; a wide interval without a find says nothing."""
    moves = (q <= bands["trend_false_discovery_share"]) & (
        np.abs(trends.change) >= bands["trend_change_share_at_least"]
    )
    within = bands["trend_steady_within_share"]
    is_steady = (trends.lo >= -within) & (trends.hi <= within)
    moved = np.where(trends.change < 0, FALLING, RISING)
    return list(np.where(moves, moved, np.where(is_steady, STEADY, CANNOT_TELL)))


def _reasons(pairs: pl.DataFrame, evidence: Evidence, found: Verdicts) -> list[str]:
    """Say of each pair why its verdict is what it is."""
    rows = pairs.select("has_follower_list", "reach_reason", "stale_reason", "last_posted_on").with_columns(
        verdict=found.verdict,
        threshold=evidence.threshold,
        is_share=evidence.is_share,
        people=evidence.people,
        segment_people=evidence.segment_people,
        upper=np.where(evidence.is_share, evidence.share_hi, evidence.people_hi),
        p_value=found.p,
        covered_weeks=evidence.covered,
        is_silent=evidence.is_silent,
        needed_weeks=found.needed_weeks,
        needed_people=found.needed_people,
    )
    return [PairVerdict(**row).reason() for row in rows.fill_nan(None).iter_rows(named=True)]


def _floats(column: pl.Series) -> Floats:
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)
