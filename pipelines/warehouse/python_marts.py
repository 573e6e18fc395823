"""The marts that SQL alone cannot make, in the order of what they read: each a small table from small tables."""

from collections.abc import Callable
from datetime import date

import duckdb
import polars as pl

from pipelines.common.progress import shown
from pipelines.common.settings import Settings
from pipelines.marts import (
    activity_forecast,
    activity_survival,
    decision,
    decision_evidence,
    interaction_quality,
    keep_frontier,
    moderation_load,
    reach_verdict,
    visitor_reach,
)
from pipelines.warehouse import build

Maker = Callable[[duckdb.DuckDBPyConnection, Settings, date], pl.DataFrame]

# Every mart whose contract has no SQL beside it, and who makes it.
MAKERS: dict[str, Maker] = {
    "mart.reach_verdict": reach_verdict.make,
    "mart.visitor_reach": visitor_reach.make,
    "mart.keep_frontier": keep_frontier.make,
    "mart.interaction_quality": interaction_quality.make,
    "mart.moderation_load": moderation_load.make,
    "mart.activity_survival": activity_survival.make,
    "mart.forecast_backtest": activity_forecast.make_backtest,
    "mart.activity_forecast": activity_forecast.make,
    # Last, in this order: evidence is read from all of the marts before it.
    "mart.decision_evidence": decision_evidence.make,
    "mart.decision": decision.make,
    "mart.decision_check": decision.make_checks,
}


def answer(con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date) -> None:
    """Make every mart of `MAKERS`, after those of SQL.

    Raises `ModelError` where a maker's rows are not what the contract says.
    """
    for name, make in shown(list(MAKERS.items()), "build answers"):
        build.write_table(con, name, make(con, settings, as_of))
