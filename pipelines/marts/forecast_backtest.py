"""`mart.forecast_backtest`: what the last three activity forecasts would have said, and how wrong they were."""

from datetime import timedelta

import polars as pl

from pipelines.marts import Inputs
from pipelines.reach.forecast import BACKTESTS, PERIOD, days_known, known_pairs, learn, lookback, missing_days

TABLE = "mart.forecast_backtest"
READS = ("core.activity_count", "core.collection_start")

COLUMNS = {
    "as_of": pl.Date,
    "platform": pl.String,
    "period_on": pl.Date,
    "n_pairs": pl.Int64,
    "n_active_pairs": pl.Int64,
    "expected_pairs": pl.Float64,
    "brier_score": pl.Float64,
    "brier_flag": pl.Float64,
    "backtest_reason": pl.String,
}


def make(inputs: Inputs) -> pl.DataFrame:
    """Make a row per platform with an open account of ours and period of 28 days, the latest first."""
    counts = inputs.read("core.activity_count")
    rows = [
        {
            "as_of": inputs.as_of,
            "platform": platform,
            "period_on": inputs.as_of - timedelta(days=PERIOD * period - 1),
            **_tested(counts, platform, n_days, period),
        }
        for platform, n_days in days_known(inputs.read("core.collection_start"), inputs.as_of).items()
        for period in range(1, BACKTESTS + 1)
    ]
    return pl.DataFrame(rows, schema=COLUMNS)


def _tested(counts: pl.DataFrame, platform: str, n_days: int, period: int) -> dict[str, object]:
    """Compare one earlier forecast with what was observed.

    A Brier score is the mean square of probability less outcome. `brier_flag` is the score of a flag instead of a
    forecast: whoever acted in a period acts in the next.
    """
    n_back = lookback(n_days, period)
    learnt = learn(counts, platform, n_days, period)
    known = known_pairs(counts, platform, period, n_back)
    if learnt is None or known.is_empty():
        return {"backtest_reason": missing_days(n_days, period) if n_back < 1 else "nobody acted before"}
    came, n = known["is_active_next"].to_numpy().astype(float), known["n_members"].to_numpy().astype(float)
    probability = learnt.predict(known["score_bin"].to_numpy())
    flag = (known["quiet_periods"].to_numpy() == 0).astype(float)
    return {
        "n_pairs": int(n.sum()),
        "n_active_pairs": int((came * n).sum()),
        "expected_pairs": float((probability * n).sum()),
        "brier_score": float(((probability - came) ** 2 * n).sum() / n.sum()),
        "brier_flag": float(((flag - came) ** 2 * n).sum() / n.sum()),
    }
