"""`mart.forecast_backtest`: what the last three activity forecasts would have said, and how wrong they were."""

from datetime import date

import polars as pl

from pipelines.marts import Inputs
from pipelines.marts.activity_forecast import (
    BACKTESTS,
    PERIOD,
    _days_of_acts,
    _known,
    _missing,
    count,
    learn,
    lookback,
)
from pipelines.marts.activity_forecast import READS as READS

TABLE = "mart.forecast_backtest"

BACKTEST_COLUMNS = {
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
    """Make `mart.forecast_backtest`: what the last three forecasts would have said, and how wrong they were.

    A row per platform of ours and period; a Brier score is the mean square of probability less outcome.
    """
    con, settings, as_of = inputs.con, inputs.settings, inputs.as_of
    counts = count(con, settings, as_of)
    found = []
    for platform, n_days in _days_of_acts(con, as_of).items():
        for period in range(1, BACKTESTS + 1):
            period_on = date.fromordinal(as_of.toordinal() - PERIOD * period + 1)
            row = {"as_of": as_of, "platform": platform, "period_on": period_on}
            found.append(row | _backtest(counts, platform, n_days, period))
    return pl.DataFrame(found, schema=BACKTEST_COLUMNS)


def _backtest(counts: pl.DataFrame, platform: str, n_days: int, period: int) -> dict[str, object]:
    n_back = lookback(n_days, period)
    learnt = learn(counts, platform, n_days, period)
    known = _known(counts, platform, period, n_back)
    if learnt is None or known.is_empty():
        return {"backtest_reason": _missing(n_days, period) if n_back < 1 else "nobody acted before"}
    came, n = known["came"].to_numpy().astype(float), known["n_members"].to_numpy().astype(float)
    probability = learnt.predict(known["score_bin"].to_numpy())
    flag = (known["n_quiet"].to_numpy() == 0).astype(float)
    return {
        "n_pairs": int(n.sum()),
        "n_active_pairs": int((came * n).sum()),
        "expected_pairs": float((probability * n).sum()),
        "brier_score": float(((probability - came) ** 2 * n).sum() / n.sum()),
        "brier_flag": float(((flag - came) ** 2 * n).sum() / n.sum()),
    }
