"""The interval of an account's active reach, widened by chance, drift, gaps and silence, and what data would decide.

`mart.segment_reach` counts whom an account reaches and who was active in 90 days, with the interval of what
membership and partial lists leave open. Whether it *still* reaches them is about the present and the near future, so
four more things go into the interval:

* chance: another 90 days of the same habits would show other people, in busy and quiet weeks of their own; exact
  Poisson bounds, scaled by how much less or more a count of different people varies (Garwood 1936; see `noise`);
* drift: the count is of the time around 45 days ago, or earlier (see `horizon`). The weekly series says whether
  people left since; its slope is shrunk to that of the platform (DerSimonian & Laird 1986), so that a series
  too thin for a slope of its own is as unsure as the platform's series differ;
* gaps: different people grow with time at most in proportion, so with w of 13 weeks covered the upper bound is up to
  13 / w as high. The lower bound stays: whoever was seen was there;
* silence: an account that does not post reaches nobody for certain, and the lower bound is 0.

Independent parts are added as squares on either side of the estimate (MOVER; Zou & Donner 2008, doi
10.1002/sim.3095). Drift that the slope says is there, and gaps, only ever widen: the interval holds the count itself.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pipelines.reach.trend import Flags, Floats

Z = 1.959963984540054  # 95 % of a normal distribution lie within so many standard deviations; SQL has the same
WINDOW_WEEKS = 13  # of the 90 days of active reach
MORE_WEEKS = 26  # the longest wait that is reported
FEW_SERIES = 10  # with fewer on a platform nothing is learnt of how series differ
# Standard deviation of the log-change a week of a series of which nothing is known: four in ten go in half a year.
UNKNOWN_SLOPE = 0.02
# Series of a platform never differ less than this, whatever few of them say.
LEAST_SLOPE = 0.003


@dataclass(frozen=True)
class Slopes:
    """Log-changes a week of many series, each between its own (`own`, `own_variance`) and its platform's.

    `own` is NaN where the series has no slope of its own; `shared` and `spread` are its platform's mean and variance.
    """

    own: Floats
    own_variance: Floats
    shared: Floats
    spread: Floats

    def shrunk(self) -> tuple[Floats, Floats]:
        """Give each series' slope and its standard error."""
        weight = np.where(np.isfinite(self.own), 1 / self.own_variance, 0.0)
        prior = 1 / self.spread
        own = np.where(np.isfinite(self.own), self.own, 0.0)
        return (weight * own + prior * self.shared) / (weight + prior), np.sqrt(1 / (weight + prior))


@dataclass(frozen=True)
class Evidence:
    """What is known of each pair of account and segment, all arrays of the same length.

    `people`, `share` and their bounds are as mart.segment_reach has them, NaN where it has none. `threshold` is in
    people, or a share of the segment where `is_share`. `noise` is the variance of a count over its mean,
    `overdispersion` the part of it that grows with the count (see `noise` below). `horizon` is in weeks, from the
    counted time to the day. `covered` is how many of the 13 weeks the extracts cover. `level` is the mean of the weekly
    series, of `n_weeks` weeks.
    """

    people: Floats
    people_lo: Floats
    people_hi: Floats
    share: Floats
    share_lo: Floats
    share_hi: Floats
    segment_people: Floats
    threshold: Floats
    is_share: Flags
    noise: Floats
    overdispersion: Floats
    slopes: Slopes
    horizon: Floats
    covered: Floats
    is_silent: Flags
    level: Floats
    n_weeks: Floats

    def of(self, where: Flags) -> "Evidence":
        """Take the pairs that `where` marks."""
        slopes = replace(self.slopes, **{name: values[where] for name, values in vars(self.slopes).items()})
        rest: dict[str, Any] = {name: values[where] for name, values in vars(self).items() if name != "slopes"}
        return replace(self, slopes=slopes, **rest)

    def with_people(self, people: Floats) -> "Evidence":
        """As if the pairs had so many active people, their bounds as far off in proportion."""
        size = np.where(self.segment_people > 0, self.segment_people, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = people / self.people

        def moved(values: Floats, count: Floats) -> Floats:
            # From 0 there is no proportion: the bounds then are the count itself, where there was one.
            return np.where(self.people > 0, values * factor, np.where(np.isnan(values), np.nan, count))

        growth = np.where(self.people > 0, factor, 1.0)
        return replace(
            self,
            people=people,
            noise=self.noise + self.overdispersion * (growth - 1),
            overdispersion=self.overdispersion * growth,
            people_lo=moved(self.people_lo, people),
            people_hi=moved(self.people_hi, people),
            share=moved(self.share, people / size),
            share_lo=moved(self.share_lo, people / size),
            share_hi=moved(self.share_hi, people / size),
        )


@dataclass(frozen=True)
class Bounds:
    """The 95 % interval of active reach in people and as a share; an upper bound is NaN where nobody knows it."""

    people_lo: Floats
    people_hi: Floats
    share_lo: Floats
    share_hi: Floats


def platform_slopes(slope: Floats, slope_se: Floats, platform: NDArray[np.str_]) -> Slopes:
    """Find how the series of each platform move together, and how they differ (DerSimonian & Laird 1986)."""
    shared, spread = np.zeros(len(slope)), np.full(len(slope), UNKNOWN_SLOPE**2)
    for one in np.unique(platform):
        there = platform == one
        own, variance = slope[there], slope_se[there] ** 2
        own, variance = own[np.isfinite(own)], variance[np.isfinite(own)]
        if len(own) < FEW_SERIES:
            continue
        weight = 1 / variance
        mean = (weight * own).sum() / weight.sum()
        apart = (weight * (own - mean) ** 2).sum() - (len(own) - 1)
        among = apart / (weight.sum() - (weight**2).sum() / weight.sum())
        shared[there], spread[there] = mean, max(among, LEAST_SLOPE**2) + 1 / weight.sum()
    return Slopes(slope, slope_se**2, shared, spread)


def noise(people: Floats, person_weeks: Floats, dispersion: Floats, autocorrelation: Floats) -> tuple[Floats, Floats]:
    """Say how much a count of different people in 13 weeks varies by chance: its variance over its mean, in two parts.

    People have rates of their own; let these be exponentially distributed, as diverse as a half-life makes them. Then
    m weeks an active person (`person_weeks` / `people`) say that a share of 1 / (2 m - 1) of the count would not come
    again, and that the count responds to a busier time with the power 1 / m. With m = 1, or people who are active with
    other accounts only, it is the Poisson count. `dispersion` and `autocorrelation` are those of the weekly series.
    The first part is of people's habits, the second, in proportion to the count, of busier and quieter weeks.
    """
    weeks = _weeks_a_person(people, person_weeks)
    overdispersion: Floats = (dispersion - 1) * (1 + autocorrelation) / (1 - autocorrelation) / weeks**3
    return 1 / (2 * weeks - 1), overdispersion


def horizon(people: Floats, person_weeks: Floats) -> Floats:
    """Say how many weeks of leaving a count of different people in 13 weeks has not seen yet.

    Who left half way may have been seen before: of people seen once at most that is half of the time, of those seen
    every week all of it. Rates as in `noise`.
    """
    again = np.maximum(_weeks_a_person(people, person_weeks) - 1, 1e-3)
    weeks: Floats = WINDOW_WEEKS * (1 - np.log1p(again) / again) * (1 + again) / again
    return weeks


def _weeks_a_person(people: Floats, person_weeks: Floats) -> Floats:
    weeks = np.divide(person_weeks, people, out=np.ones_like(people), where=people > 0)
    return np.maximum(np.where(np.isfinite(weeks), weeks, 1.0), 1.0)


def bounds(evidence: Evidence) -> Bounds:
    """Widen the intervals of active reach by chance, drift, gaps and silence (see the module)."""
    known = evidence.people
    low = evidence.noise * stats.chi2.ppf(0.025, 2 * known / evidence.noise) / 2
    high = evidence.noise * stats.chi2.ppf(0.975, 2 * known / evidence.noise + 2) / 2
    fewer, more = known - np.where(known > 0, low, 0.0), high - known
    size = np.where(evidence.segment_people > 0, evidence.segment_people, np.nan)
    people = _widened(evidence, known, evidence.people_lo, evidence.people_hi, fewer, more)
    share = _widened(evidence, evidence.share, evidence.share_lo, evidence.share_hi, fewer / size, more / size)
    return Bounds(*people, share[0], np.minimum(share[1], 1.0))


def _widened(
    evidence: Evidence, middle: Floats, lo: Floats, hi: Floats, fewer: Floats, more: Floats
) -> tuple[Floats, Floats]:
    slope, slope_se = evidence.slopes.shrunk()
    drift, drift_error = slope * evidence.horizon, Z * slope_se * evidence.horizon
    down = np.sqrt((middle - lo) ** 2 + fewer**2 + (middle * -np.expm1(-drift_error)) ** 2)
    up = np.sqrt((hi - middle) ** 2 + more**2 + (middle * np.expm1(drift_error)) ** 2)
    low = np.maximum(middle - down, 0.0) * np.exp(np.minimum(drift, 0.0))
    unseen = np.divide(WINDOW_WEEKS, evidence.covered, out=np.full(len(middle), np.nan), where=evidence.covered > 0)
    high = (middle + up) * np.exp(np.maximum(drift, 0.0)) * np.maximum(unseen, 1.0)
    return np.where(evidence.is_silent, 0.0, low), high


def p_values(evidence: Evidence, found: Bounds) -> Floats:
    """The two-sided p-value of each pair's count against its threshold; NaN where its bound on that side is unknown.

    The error is that of the side on which the threshold lies, so that p <= .05 says that the bound is beyond it.
    """
    middle = np.where(evidence.is_share, evidence.share, evidence.people)
    lo = np.where(evidence.is_share, found.share_lo, found.people_lo)
    hi = np.where(evidence.is_share, found.share_hi, found.people_hi)
    is_above = middle >= evidence.threshold
    error = np.where(is_above, middle - lo, hi - middle) / Z
    apart = np.abs(middle - evidence.threshold)
    # No error at all is certainty, unless the count stands on the threshold itself.
    z = np.divide(apart, error, out=np.where(apart > 0, np.inf, 0.0), where=error != 0)
    return np.where(np.isfinite(middle) & ~np.isnan(error), 2 * stats.norm.sf(z), np.nan)


def needed_weeks(evidence: Evidence, p_at_most: float) -> Floats:
    """How many more weeks of extracts would decide, if habits stay as they are; NaN where up to 26 would not.

    More weeks fill the 90 days and narrow the interval of the slope. While they fill, people come between not at all
    and in proportion: half way is assumed.
    """
    needed = np.full(len(evidence.people), np.nan)
    for more in range(MORE_WEEKS, 0, -1):
        later = _later(evidence, more)
        needed = np.where(p_values(later, bounds(later)) <= p_at_most, more, needed)
    return needed


def _later(evidence: Evidence, more: int) -> Evidence:
    """The evidence after so many more weeks of extracts."""
    covered = np.minimum(evidence.covered + more, WINDOW_WEEKS)
    growth = np.divide(covered, evidence.covered, out=np.ones_like(covered), where=evidence.covered > 0)
    n_weeks = np.minimum(evidence.n_weeks + more, 2 * WINDOW_WEEKS)
    slopes = evidence.slopes
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = slopes.own_variance * (evidence.n_weeks / n_weeks) ** 3
        fresh = np.maximum(evidence.noise, 1.0) / (evidence.level * n_weeks * (n_weeks**2 - 1) / 12)
    can_fit = (n_weeks >= 8) & (evidence.level * n_weeks >= 10)
    own = np.where(np.isfinite(slopes.own), slopes.own, np.where(can_fit, slopes.shared, np.nan))
    variance = np.where(np.isfinite(slopes.own), gained, fresh)
    grown = evidence.with_people(evidence.people * (1 + growth) / 2)
    return replace(
        grown,
        covered=covered,
        n_weeks=n_weeks,
        slopes=replace(slopes, own=own, own_variance=variance),
    )


def needed_people(evidence: Evidence, p_at_most: float) -> Floats:
    """The nearest number of active people that would decide, on the side of the count; NaN where none would."""
    size = evidence.segment_people
    threshold = np.where(evidence.is_share, evidence.threshold * size, evidence.threshold)
    is_above = np.where(evidence.is_share, evidence.share >= evidence.threshold, evidence.people >= threshold)
    inner = np.where(is_above, np.ceil(evidence.people), np.floor(evidence.people))  # does not decide
    outer = np.where(is_above, np.maximum(size, inner), 0.0)  # decides, if anything does

    def decides_at(people: Floats) -> Flags:
        then = evidence.with_people(people)
        is_decided: Flags = p_values(then, bounds(then)) <= p_at_most
        return is_decided

    possible = decides_at(outer)
    for _ in range(60):
        middle = np.where(is_above, np.floor((inner + outer) / 2), np.ceil((inner + outer) / 2))
        is_decided = decides_at(middle)
        inner, outer = np.where(is_decided, inner, middle), np.where(is_decided, middle, outer)
        if (np.abs(inner - outer) <= 1).all():
            break
    return np.where(possible, outer, np.nan)
