"""`mart.activity_forecast`: people of each segment expected to act with each account of ours in the next 28 days."""

import polars as pl

from pipelines.marts import Inputs
from pipelines.reach.forecast import CELL, days_known, lookback, missing_days, predict, spread
from pipelines.reach.intervals import Z

TABLE = "mart.activity_forecast"
READS = ("core.activity_count", "core.collection_start", "core.own_account", "meta.freshness", "ref.segment")
FIGURES = ("n_members", "recently_active_people", "newcomer_people", "expected_people", "variance")


def make(inputs: Inputs) -> pl.DataFrame:
    """Make a row per segment, everyone included, and open account of ours.

    The bounds hold what chance does to each person, what probabilities and factors were learnt from, and what newcomers
    may do; times how far the forecast of a period ago was off beyond that, where there was one. An account whose
    interactions are late has no forecast: its last weeks are not known.
    """
    counts = inputs.read("core.activity_count")
    days = days_known(inputs.read("core.collection_start"), inputs.as_of)
    forecast = predict(counts, days, 0)
    inflation = spread(counts, days)
    is_known = pl.col("platform").is_in([platform for platform, n_days in days.items() if lookback(n_days, 0) >= 1])
    has_forecast = is_known & pl.col("stale_reason").is_null()
    late = inputs.stale_accounts("engagement")
    cells = _every_cell(inputs).join(forecast, on=CELL, how="left", maintain_order="left")
    cells = cells.join(late, on=["platform", "account_id"], how="left", maintain_order="left")
    cells = cells.with_columns(pl.when(has_forecast).then(pl.col(name).fill_null(0)).alias(name) for name in FIGURES)
    # One more person of variance: a cell in which nobody is expected may still surprise.
    width = Z * ((pl.col("variance") + 1) * (inflation or 1)).sqrt()
    expected = pl.col("expected_people")
    no_forecast = {platform: missing_days(n_days, 0) for platform, n_days in days.items()}
    untested = pl.lit(None if inflation else "bounds hold chance alone: no earlier forecast to measure")
    made: pl.DataFrame = cells.select(
        pl.lit(inputs.as_of).alias("as_of"),
        *CELL,
        *FIGURES[:-1],
        pl.when(has_forecast).then(pl.max_horizontal(expected - width, 0.0)).alias("expected_people_lo"),
        (expected + width).alias("expected_people_hi"),
        pl.when(has_forecast)
        .then(untested)
        .otherwise(pl.coalesce("stale_reason", pl.col("platform").replace_strict(no_forecast, return_dtype=pl.String)))
        .alias("forecast_reason"),
    )
    return made


def _every_cell(inputs: Inputs) -> pl.DataFrame:
    """List every segment, everyone included, with every open account of ours."""
    segments = [*inputs.read("ref.segment", "segment_id")["segment_id"], "everyone"]
    accounts = inputs.read("core.own_account", "platform", "account_id", "is_open").filter("is_open").drop("is_open")
    return (
        pl.DataFrame({"segment_id": segments}, schema={"segment_id": pl.String}).join(accounts, how="cross").sort(CELL)
    )
