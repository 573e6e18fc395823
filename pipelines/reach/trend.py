"""Is a weekly series falling or rising: log-linear trends of many short, uneven series of counts at once.

Weekly counts of people vary more than chance alone makes them, and a busy week is followed by a busy one. A plain
Poisson test takes both for trends: on the benchmark of tests/reach/test_trend.py seven of ten of its finds are false.
Here the slope is that of a Poisson regression, and its error that of the same fit with

* a dispersion per series (quasi-Poisson; Wedderburn 1974, doi 10.1093/biomet/61.3.439), shrunk to a line through all
  series, dispersion = 1 + a x mean (the moment form of a negative binomial). An account that posts by fits and starts
  is more overdispersed than one that posts daily, in every segment: each account has a line of its own, shrunk to that
  of all. Shrinking is done in logarithms, where the error of a dispersion is known (Smyth 2004, doi
  10.2202/1544-6115.1027);
* an autocorrelation per series (AR(1)), shrunk to that of all, carried through the sandwich of the slope's variance
  (Zeger 1988, doi 10.1093/biomet/75.4.621);
* Student's t, and the false-discovery rate over all series (Benjamini & Hochberg 1995).

A week without a figure is left out and keeps its place in time: it neither pulls the slope nor joins its neighbours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WEEKS_AT_LEAST = 8  # a line through fewer says more of its ends than of the time between
PEOPLE_AT_LEAST = 10.0  # active people summed over weeks; fewer carry no slope that a normal error describes
FEW_GROUPS = 5  # with fewer nothing is learnt of how accounts differ
SHRINK_DISPERSION = 20.0  # how many degrees of freedom a line counts for at the most, where series lie close to it
SHRINK_AUTOCORRELATION = 60.0  # how many weeks the autocorrelation of all series counts for
MOST_AUTOCORRELATION = 0.8  # beyond it a series of weeks is one observation
STEEPEST = 1.0  # log-change a week at which the fit stops: people do not multiply by 2.7 each week
STEPS = 30  # of the fit; it converges in fewer than ten


@dataclass(frozen=True)
class Trends:
    """One trend per series, NaN where it could not be fitted; `slope` and `slope_se` are log-changes a week.

    `change`, `lo` and `hi` are changes from the first to the last week with a figure, as shares of the fitted first
    week (-0.4: four in ten are gone), with their 95 % interval. `p` is two-sided. `dispersion` is 1 for plain chance.
    """

    n_weeks: NDArray[np.int64]
    slope: Floats
    slope_se: Floats
    change: Floats
    lo: Floats
    hi: Floats
    p: Floats
    dispersion: Floats
    autocorrelation: Floats

    @property
    def is_fitted(self) -> Flags:
        """Which series have a trend."""
        return np.isfinite(self.slope)


def fit(people: Floats, group: NDArray[np.int64] | None = None) -> Trends:
    """Fit a trend to each row of `people` (series x weeks, NaN where a week has no figure).

    `group` says whose series it is, an account's: series of a group are about equally overdispersed.
    A series with fewer than `WEEKS_AT_LEAST` weeks or `PEOPLE_AT_LEAST` people, or with people in fewer than three
    weeks, is not fitted: its dispersion and autocorrelation are those of all series, the rest is NaN.
    """
    known = np.isfinite(people)
    counts = np.where(known, people, 0.0)
    n_weeks = known.sum(axis=1)
    fits = (n_weeks >= WEEKS_AT_LEAST) & (counts.sum(axis=1) >= PEOPLE_AT_LEAST) & ((counts > 0).sum(axis=1) >= 3)
    n_series = len(people)
    missing = np.full(n_series, np.nan)
    if not fits.any():
        ones, zeros = np.ones(n_series), np.zeros(n_series)
        return Trends(n_weeks, missing, missing, missing, missing, missing, missing, ones, zeros)
    week = np.arange(people.shape[1], dtype=np.float64)
    slope, mean = _poisson_lines(counts[fits], known[fits], week)
    group = np.zeros(n_series, dtype=np.int64) if group is None else group
    errors = _errors(counts[fits], mean, known[fits], week, group[fits])
    span = np.array([week[row].max() - week[row].min() for row in known[fits]])
    reach = stats.t.ppf(0.975, errors.freedom) * errors.slope_se
    found = {
        "slope": slope,
        "slope_se": errors.slope_se,
        "change": np.expm1(slope * span),
        "lo": np.expm1((slope - reach) * span),
        "hi": np.expm1((slope + reach) * span),
        "p": 2 * stats.t.sf(np.abs(slope) / errors.slope_se, errors.freedom),
    }
    columns = {name: _at(fits, values, missing) for name, values in found.items()}
    level = counts.sum(axis=1) / np.maximum(n_weeks, 1)
    excess = np.full(int(group.max()) + 1, errors.shared_excess)
    excess[group[fits]] = errors.excess
    dispersion = _at(fits, errors.dispersion, 1 + excess[group] * level)
    autocorrelation = _at(fits, errors.autocorrelation, np.full(n_series, errors.shared_autocorrelation))
    return Trends(n_weeks, **columns, dispersion=dispersion, autocorrelation=autocorrelation)


def false_discovery(p: Floats) -> Floats:
    """Give each p-value's q: the least false-discovery rate at which it counts as a find (Benjamini & Hochberg).

    NaN stays NaN and counts as no test.
    """
    q = np.full(len(p), np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


@dataclass(frozen=True)
class _Errors:
    slope_se: Floats
    freedom: Floats
    dispersion: Floats
    autocorrelation: Floats
    excess: Floats
    shared_excess: float
    shared_autocorrelation: float


def _poisson_lines(counts: Floats, known: Flags, week: Floats) -> tuple[Floats, Floats]:
    """Fit log(mean) = level + slope x week by Newton's method; slopes, and means (series x weeks)."""
    total, n = counts.sum(axis=1), known.sum(axis=1)
    centre = (week * known).sum(axis=1) / n
    moved = week - centre[:, None]
    level, slope = np.log(total / n), np.zeros(len(counts))
    for _ in range(STEPS):
        mean = np.exp(level[:, None] + slope[:, None] * moved) * known
        score_level = (counts - mean).sum(axis=1)
        score_slope = ((counts - mean) * moved).sum(axis=1)
        a, b, c = mean.sum(axis=1), (mean * moved).sum(axis=1), (mean * moved**2).sum(axis=1)
        step = (a * score_slope - b * score_level) / np.maximum(a * c - b**2, 1e-12)
        slope = np.clip(slope + np.clip(step, -0.3, 0.3), -STEEPEST, STEEPEST)
        # Given the slope, the level that makes the means sum to the counts is exact.
        level = np.log(total / (np.exp(slope[:, None] * moved) * known).sum(axis=1))
    return slope, np.exp(level[:, None] + slope[:, None] * moved) * known


def _errors(counts: Floats, mean: Floats, known: Flags, week: Floats, group: NDArray[np.int64]) -> _Errors:
    """The slopes' errors: dispersion and autocorrelation, both shrunk, in a sandwich (see the module)."""
    root = np.sqrt(mean)
    residual = np.where(known, (counts - mean) / np.where(known, np.maximum(root, 1e-9), 1.0), 0.0)
    n = known.sum(axis=1).astype(np.float64)
    autocorrelation, shared = _autocorrelations(residual, known, n)
    design = np.stack([root, root * week], axis=2)  # series x weeks x 2
    bread = np.linalg.inv(np.einsum("sti,stj->sij", design, design))
    apart = np.abs(week[:, None] - week[None, :])
    meat = np.empty((len(counts), 2, 2))
    for at in range(0, len(counts), 256):  # bounds the memory that series x weeks x weeks take
        part = slice(at, at + 256)
        likeness = autocorrelation[part, None, None] ** apart
        meat[part] = np.einsum("sti,stu,suj->sij", design[part], likeness, design[part], optimize=True)
    # What the fit takes out of the residuals, given that they are autocorrelated: n - 2 where they do not.
    left = np.maximum(n - np.einsum("sij,sji->s", bread, meat), 1.0)
    own = (residual**2).sum(axis=1) / left
    level = mean.sum(axis=1) / n
    freedom = left * (1 - autocorrelation**2) / (1 + autocorrelation**2)
    shared_excess = _excess(own, level)
    excess = _group_excess(own, level, freedom, shared_excess, group)
    line = 1 + excess * level
    off = np.log(np.maximum(own, 1e-3) / line) - _log_bias(freedom)
    weight, mean_off = _shrinking(off, special.polygamma(1, freedom / 2), special.polygamma(1, SHRINK_DISPERSION / 2))
    dispersion = np.maximum(line * np.exp(mean_off + weight * (off - mean_off)), 1.0)
    variance = dispersion * np.einsum("sij,sjk,skl->sil", bread, meat, bread)[:, 1, 1]
    freedom = freedom / np.maximum(weight, 0.05)
    return _Errors(np.sqrt(variance), freedom, dispersion, autocorrelation, excess, shared_excess, shared)


def _excess(dispersion: Floats, level: Floats) -> float:
    """The `a` of dispersion = 1 + a x mean through all series, each weighted by how well its dispersion is known."""
    excess = 0.0
    for _ in range(10):
        weight = level / (1 + excess * level) ** 2
        excess = max(0.0, float((weight * (dispersion - 1)).sum() / (weight * level).sum()))
    return excess


def _group_excess(
    dispersion: Floats, level: Floats, freedom: Floats, shared: float, group: NDArray[np.int64]
) -> Floats:
    """Each series' `a`, its group's: that of the group's largest series, shrunk to that of all.

    A group's series share what makes them vary, so that many are hardly more precise than the largest.
    """
    largest = np.array([at[np.argmax(level[at])] for at in (np.flatnonzero(group == one) for one in np.unique(group))])
    line = 1 + shared * level[largest]
    if len(largest) < FEW_GROUPS:
        return np.full(len(level), shared)
    off = np.log(np.maximum(dispersion[largest], 1e-3) / line) - _log_bias(freedom[largest])
    weight, mean_off = _shrinking(off, special.polygamma(1, freedom[largest] / 2), 0.0)
    found = line * np.exp(mean_off + weight * (off - mean_off))
    excess = np.maximum(found - 1, 0.0) / level[largest]
    of_series: Floats = excess[np.searchsorted(group[largest], group)]
    return of_series


def _log_bias(freedom: Floats) -> Floats:
    """How far the logarithm of an estimated variance lies off the true one's, on average."""
    bias: Floats = special.digamma(freedom / 2) - np.log(freedom / 2)
    return bias


def _shrinking(values: Floats, variance: Floats, least_spread: float) -> tuple[Floats, float]:
    """How much each value counts against the mean of all, and that mean (DerSimonian & Laird 1986)."""
    weight = 1 / variance
    mean = float((weight * values).sum() / weight.sum())
    apart = (weight * (values - mean) ** 2).sum() - (len(values) - 1)
    spread = max(float(apart / max(weight.sum() - (weight**2).sum() / weight.sum(), 1e-12)), least_spread)
    part: Floats = spread / (spread + variance)
    return part, mean


def _autocorrelations(residual: Floats, known: Flags, n: Floats) -> tuple[Floats, float]:
    """Each series' correlation of neighbouring weeks, shrunk to that of all; a line's own pull on it is undone.

    Residuals of a fitted line correlate by about -(2 + 4r) / n more than the noise itself.
    """
    neighbours = known[:, 1:] & known[:, :-1]
    n_pairs = neighbours.sum(axis=1)
    together = (residual[:, 1:] * residual[:, :-1] * neighbours).sum(axis=1)
    own = together / np.maximum(n_pairs, 1) / np.maximum((residual**2).sum(axis=1) / n, 1e-12)
    own = (own + 2 / n) / np.maximum(1 - 4 / n, 0.2)
    shared = float((own * n_pairs).sum() / max(n_pairs.sum(), 1))
    shrunk = (own * n_pairs + shared * SHRINK_AUTOCORRELATION) / (n_pairs + SHRINK_AUTOCORRELATION)
    return np.clip(shrunk, 0.0, MOST_AUTOCORRELATION), min(max(shared, 0.0), MOST_AUTOCORRELATION)


def _at(where: Flags, values: Floats, otherwise: Floats) -> Floats:
    filled = otherwise.copy()
    filled[where] = values
    return filled
