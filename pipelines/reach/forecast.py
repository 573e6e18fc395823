"""Expect who will act in the next 28 days, from what scores of activity meant 28 days ago.

Counts are those of `core.activity_count`: a row per segment, account, period and score. What a score means is learnt
from the period before: of those who had it, how many acted since (isotonic regression, so that a higher score never
means less). A segment's people may be more active with an account than their scores say, or less: the factor of the
period before counts as far as chance does not explain it. Whoever has no interaction behind them has no score; as many
newcomers are expected as in the period before.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from scipy.optimize import isotonic_regression

PERIOD = 28  # days that a forecast looks ahead, and that interactions are summed over
BACKTESTS = 3
LOOKBACK = 6  # periods after which somebody without an interaction counts as new

Days = dict[str, int]  # how many days back interactions are known on each platform, 0 where none were collected
CELL = ("segment_id", "platform", "account_id")


@dataclass(frozen=True)
class Calibration:
    """What a score of each bin means: blocks of bins with one probability, each from so many pairs."""

    bins: np.ndarray
    block_of_bin: np.ndarray
    probability: np.ndarray
    n_pairs: np.ndarray

    def block(self, bins: np.ndarray) -> np.ndarray:
        """The block of each bin; one never seen takes that of the next higher, above the highest the highest's."""
        place = np.minimum(np.searchsorted(self.bins, bins), len(self.bins) - 1)
        return np.asarray(self.block_of_bin[place])

    def predict(self, bins: np.ndarray) -> np.ndarray:
        """The probability of activity for each bin."""
        return np.asarray(self.probability[self.block(bins)])


def fit(bins: np.ndarray, came: np.ndarray, n: np.ndarray) -> Calibration:
    """Fit isotonic probabilities to a histogram: for each row a bin, whether they came (0 or 1), how many pairs.

    Least squares under order (Barlow et al. 1972), by scipy. Each block is counted with half a pair more of either
    kind, so that one in which all came promises nothing for certain.
    """
    found, place = np.unique(bins, return_inverse=True)
    total = np.bincount(place, weights=n)
    active = np.bincount(place, weights=n * came)
    edges = np.asarray(isotonic_regression(active / total, weights=total).blocks)
    block_of_bin = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    pairs = np.bincount(block_of_bin, weights=total)
    hits = np.bincount(block_of_bin, weights=active)
    return Calibration(found, block_of_bin, (hits + 0.5) / (pairs + 1), pairs)


def days_known(starts: pl.DataFrame, as_of: date) -> Days:
    """Count the days since when interactions are known, from `core.collection_start`."""
    return {
        platform: (as_of - first_on).days + 1 if first_on else 0
        for platform, first_on in starts.select("platform", "first_engaged_on").iter_rows()
    }


def lookback(n_days: int, period: int) -> int:
    """How many periods back a forecast made `period` periods ago may look: as many as the one it learns from could.

    Below 1 there was nothing to learn from.
    """
    return min(LOOKBACK, n_days // PERIOD - period - 1)


def missing_days(n_days: int, period: int) -> str:
    if not n_days:
        return "no engagement extract"
    return f"needs {PERIOD * (period + 2) - n_days} more days of interactions"


def known_pairs(counts: pl.DataFrame, platform: str, period: int, n_back: int) -> pl.DataFrame:
    """Everyone's pairs on a platform who interacted in the `n_back` periods before `period` periods ago."""
    return counts.filter(
        (pl.col("segment_id") == "everyone")
        & (pl.col("platform") == platform)
        & (pl.col("periods_ago") == period)
        & (pl.col("quiet_periods") < n_back)
    )


def learn(counts: pl.DataFrame, platform: str, n_days: int, period: int) -> Calibration | None:
    """Learn what scores meant one period before a forecast made `period` periods ago; None where nothing can be."""
    known = known_pairs(counts, platform, period + 1, lookback(n_days, period))
    if known.is_empty():
        return None
    return fit(*(known[column].to_numpy().astype(float) for column in ("score_bin", "is_active_next", "n_members")))


def predict(counts: pl.DataFrame, days: Days, period: int) -> pl.DataFrame:
    """Forecast each cell as it would have been done `period` periods ago: expected people, and the variance of that."""
    learnt = {platform: learn(counts, platform, n_days, period) for platform, n_days in days.items()}
    able = {platform: found for platform, found in learnt.items() if found}
    n_back = {platform: lookback(days[platform], period) for platform in able}
    before = summed(counts, able, n_back, period + 1)
    now = summed(counts, able, n_back, period).drop("came_people", "newcomer_people")
    joined = before.drop("n_members", "recently_active_people").join(
        now, on=CELL, how="full", coalesce=True, suffix="_now"
    )
    joined = joined.with_columns(pl.selectors.numeric().fill_null(0)).sort(CELL)
    ratio, error = factor(*(joined[name].to_numpy() for name in ("came_people", "expected", "variance")))
    expected = joined["expected_now"].to_numpy()
    newcomers = joined["newcomer_people"].to_numpy()
    return joined.select(
        *CELL,
        "n_members",
        "recently_active_people",
        "newcomer_people",
        pl.Series("expected_people", ratio * expected + newcomers),
        pl.Series("variance", ratio * joined["variance_now"].to_numpy() + expected**2 * error + 2 * newcomers),
    )


def summed(counts: pl.DataFrame, learnt: dict[str, Calibration], n_back: Days, period: int) -> pl.DataFrame:
    """Sum a period's counts per cell: expected by score, its variance, who came of those, and who came new."""
    found = []
    for platform, calibration in learnt.items():
        part = counts.filter((pl.col("platform") == platform) & (pl.col("periods_ago") == period))
        block = calibration.block(part["score_bin"].fill_null(0).to_numpy())
        found.append(
            part.with_columns(
                (pl.col("quiet_periods") < n_back[platform]).fill_null(False).alias("is_known"),
                pl.Series("block", block),
                pl.Series("q", calibration.probability[block]),
                pl.Series("n_pairs", calibration.n_pairs[block]),
            )
        )
    known = pl.col("is_known")
    people, squared = pl.col("people").filter(known).sum(), pl.col("people_squared").filter(known).sum()
    q, n_pairs = pl.col("q").first(), pl.col("n_pairs").first()
    blocks = (
        pl.concat(found or [_nothing(counts)])
        .group_by(*CELL, "block", maintain_order=True)
        .agg(
            pl.col("n_members").filter(known).sum(),
            (people * q).alias("expected"),
            (people * q - squared * q**2 + people**2 * q * (1 - q) / (n_pairs + 1)).alias("variance"),
            pl.col("people").filter(known & pl.col("is_active_next")).sum().alias("came_people"),
            pl.col("people").filter(~known & pl.col("is_active_next")).sum().alias("newcomer_people"),
            pl.col("people").filter(pl.col("quiet_periods") == 0).sum().alias("recently_active_people"),
        )
    )
    return blocks.drop("block").group_by(*CELL, maintain_order=True).sum()


def _nothing(counts: pl.DataFrame) -> pl.DataFrame:
    columns = {"is_known": pl.Boolean, "block": pl.Int64, "q": pl.Float64, "n_pairs": pl.Float64}
    return counts.clear().with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in columns.items())


def factor(came: np.ndarray, expected: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much more active each cell was than its scores predicted, and the variance of that.

    Shrunk to 1 by how much factors differ beyond chance (empirical Bayes, moments as DerSimonian and Laird 1986): a
    cell in which few were expected says little of itself.
    """
    seen = expected > 0
    if not seen.any():
        return np.ones(len(came)), np.zeros(len(came))
    between = ((came - expected)[seen] ** 2 - variance[seen]).sum() / (expected[seen] ** 2).sum()
    between = max(0.0, float(between))
    noise = np.divide(variance, expected**2, out=np.full(len(came), np.inf), where=seen)
    trust = np.divide(between, between + noise, out=np.zeros(len(came)), where=between + noise > 0)
    ratio = 1 + trust * np.divide(came - expected, expected, out=np.zeros(len(came)), where=seen)
    return ratio, between * (1 - trust)


def spread(counts: pl.DataFrame, days: Days) -> float | None:
    """How many times the variance, at least one, the forecast of a period ago was off; None where there was none.

    Mean squared z over cells with five people and more expected.
    """
    earlier = {platform: n_days for platform, n_days in days.items() if lookback(n_days, 1) >= 1}
    forecast = predict(counts, earlier, 1).filter(pl.col("expected_people") >= 5)
    came = (
        counts.filter((pl.col("periods_ago") == 1) & pl.col("is_active_next"))
        .group_by(*CELL)
        .agg(pl.col("people").sum())
    )
    both = forecast.join(came, on=CELL, how="left").with_columns(pl.col("people").fill_null(0))
    if both.is_empty():
        return None
    off = (both["people"] - both["expected_people"]).to_numpy() ** 2 / (both["variance"].to_numpy() + 1)
    return max(1.0, float(off.mean()))
