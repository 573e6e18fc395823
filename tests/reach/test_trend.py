"""Trends are found where they are planted, and not where noise only looks like one."""

import numpy as np
import pytest
from scipy import stats

from pipelines.reach import trend

Floats = trend.Floats
WEEKS = 26


def benchmark(seed: int, n_pairs: int = 240) -> tuple[Floats, trend.Flags]:
    """Make METHODS' trend benchmark: 26 weeks, 15 % of pairs change by -40 % or +60 %, by the week in equal steps.

    Mean levels are even in logarithms from 10 to 400 people a week. Each week's level is off by a lognormal factor of
    20 % that correlates by .3 with the week before; counts are Poisson about it. A plain Poisson test's false finds
    are then about those that the benchmark names (73 %).
    """
    rng = np.random.default_rng(seed)
    level = np.exp(rng.uniform(np.log(10), np.log(400), n_pairs))
    has_changed = rng.random(n_pairs) < 0.15
    change = np.where(has_changed, np.where(rng.random(n_pairs) < 0.5, np.log(0.6), np.log(1.6)), 0)
    noise = rng.normal(size=(n_pairs, WEEKS))
    for week in range(1, WEEKS):
        noise[:, week] = 0.3 * noise[:, week - 1] + np.sqrt(1 - 0.3**2) * noise[:, week]
    steps = np.arange(WEEKS) / (WEEKS - 1) - 0.5
    mean = level[:, None] * np.exp(change[:, None] * steps + 0.2 * noise - 0.02)
    return rng.poisson(mean).astype(np.float64), has_changed


def plain_poisson(counts: Floats) -> tuple[Floats, Floats]:
    """Fit the same lines with an error of chance alone: changes over the weeks and p-values."""
    slope, mean = trend._poisson_lines(counts, np.isfinite(counts), np.arange(WEEKS, dtype=np.float64))
    week = np.arange(WEEKS)
    centre = (mean * week).sum(axis=1) / mean.sum(axis=1)
    error = 1 / np.sqrt((mean * (week - centre[:, None]) ** 2).sum(axis=1))
    return np.expm1(slope * (WEEKS - 1)), 2 * stats.norm.sf(np.abs(slope) / error)


def finds(change: Floats, p: Floats) -> trend.Flags:
    found: trend.Flags = (trend.false_discovery(p) <= 0.1) & (np.abs(change) >= 0.1)
    return found


def test_the_benchmark_is_met_and_plain_poisson_is_worse() -> None:
    false_shares, plain_shares, n_found, n_planted = [], [], 0, 0
    for seed in range(100):
        counts, has_changed = benchmark(seed)
        fitted = trend.fit(counts)
        found, plain = finds(fitted.change, fitted.p), finds(*plain_poisson(counts))
        false_shares.append((found & ~has_changed).sum() / max(found.sum(), 1))
        plain_shares.append((plain & ~has_changed).sum() / max(plain.sum(), 1))
        n_found += (found & has_changed).sum()
        n_planted += has_changed.sum()
    assert np.mean(false_shares) <= 0.125
    assert n_found / n_planted >= 0.375
    assert np.mean(plain_shares) > 0.6


def test_intervals_of_the_change_cover_it() -> None:
    covers = []
    for seed in range(10):
        counts, has_changed = benchmark(1_000 + seed)
        fitted = trend.fit(counts)
        covers.append(((fitted.lo <= 0) & (fitted.hi >= 0))[~has_changed])
    assert 0.93 <= np.concatenate(covers).mean() <= 0.98


def test_the_line_is_the_one_of_highest_likelihood() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(np.exp(rng.uniform(-0.5, 5, (50, 1)) + rng.uniform(-0.2, 0.2, (50, 1)) * np.arange(WEEKS) / 2))
    known = rng.random(counts.shape) < 0.8
    people: Floats = np.where(known, counts, 0.0)
    known, people = known[people.sum(axis=1) > 30], people[people.sum(axis=1) > 30]
    week = np.arange(WEEKS, dtype=np.float64)
    _, mean = trend._poisson_lines(people, known, week)
    # Where the likelihood is highest its two derivatives are 0.
    assert (people - mean).sum(axis=1) == pytest.approx(0, abs=1e-6)
    assert ((people - mean) * week).sum(axis=1) == pytest.approx(0, abs=1e-4)


def test_a_gap_is_no_fall_and_zero_is() -> None:
    rng = np.random.default_rng(2)
    counts = rng.poisson(60, (120, WEEKS)).astype(np.float64)
    gap, silence = counts.copy(), counts.copy()
    gap[:, -8:] = np.nan
    silence[:, -8:] = 0.0
    after_gap, after_silence = trend.fit(gap), trend.fit(silence)
    assert not (finds(after_gap.change, after_gap.p) & (after_gap.change < 0)).any()
    assert (after_silence.change < -0.5).all()
    middle = counts.copy()
    middle[:, 8:14] = np.nan
    assert trend.fit(middle).slope == pytest.approx(trend.fit(counts).slope, abs=0.02)


def test_the_order_of_series_decides_nothing() -> None:
    counts, _ = benchmark(3)
    order = np.random.default_rng(4).permutation(len(counts))
    group = np.arange(len(counts)) // 12
    one, other = trend.fit(counts, group), trend.fit(counts[order], group[order])
    for name in ("slope", "slope_se", "lo", "hi", "p", "dispersion", "autocorrelation"):
        assert getattr(other, name) == pytest.approx(getattr(one, name)[order], rel=1e-9)


def test_an_accounts_own_overdispersion_counts_for_its_series() -> None:
    """One account posts daily, the others by fits and starts: its fall is seen, theirs would be chance."""
    rng = np.random.default_rng(5)
    shocks = np.exp(rng.normal(0, 0.6, (12, 1, WEEKS)))
    shocks[0] = 1.0
    level = np.array([300.0, 100.0, 40.0, 10.0])[None, :, None]
    steps = np.where(np.arange(12) == 0, np.log(0.65), 0.0)[:, None, None] * np.arange(WEEKS) / (WEEKS - 1)
    counts = rng.poisson(level * shocks * np.exp(steps)).astype(np.float64).reshape(48, WEEKS)
    account = np.repeat(np.arange(12), 4)
    together, apart = trend.fit(counts), trend.fit(counts, account)
    assert (apart.dispersion[:4] < 1.3).all()
    assert (apart.dispersion[:4] < together.dispersion[:4] - 0.1).all()
    found = finds(apart.change, apart.p)
    assert found[:2].all()
    assert not found[4:].any()


@pytest.mark.parametrize(
    ("what", "counts"),
    [
        ("too few weeks", [20.0] * 7 + [np.nan] * 19),
        ("too few people", [1.0] * 9 + [0.0] * 17),
        ("people in two weeks only", [20.0, 20.0] + [0.0] * 24),
        ("nobody", [0.0] * 26),
        ("no week", [np.nan] * 26),
    ],
)
def test_too_little_has_no_trend(what: str, counts: list[float]) -> None:
    series = np.vstack([counts, benchmark(6, 5)[0]])
    fitted = trend.fit(series)
    assert np.isnan([fitted.slope[0], fitted.change[0], fitted.lo[0], fitted.hi[0], fitted.p[0]]).all(), what
    assert list(fitted.is_fitted) == [False, *[True] * 5]
    assert fitted.n_weeks[0] == np.isfinite(counts).sum()
    alone = trend.fit(series[:1])
    assert np.isnan(alone.p[0])
    assert alone.dispersion[0] == 1


def test_q_is_the_least_rate_at_which_a_p_is_a_find() -> None:
    rng = np.random.default_rng(7)
    p = np.where(rng.random(60) < 0.2, np.nan, rng.random(60) ** 3)
    q = trend.false_discovery(p)
    known = np.isfinite(p)
    for rate in np.linspace(0.001, 1, 400):
        ranked = np.sort(p[known])
        passing = np.flatnonzero(ranked <= rate * np.arange(1, len(ranked) + 1) / len(ranked))
        cut = ranked[passing[-1]] if len(passing) else -1
        assert ((q[known] <= rate) == (p[known] <= cut)).all()
    assert np.isnan(q[~known]).all()
