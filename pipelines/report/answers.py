"""The answers that the report and the notebooks draw: trends, verdicts, homes, tone and the frontier of a snapshot.

Each function takes a connection to a published snapshot and gives a polars DataFrame: a mart with the segment's
`title` and the account's `name` beside the ids, sorted by its whole key. Counts are exact here:
`pipelines.release.disclosure` decides how they are shown.
"""

from dataclasses import dataclass

import duckdb
import polars as pl

from pipelines.report import frontier_chart

NAMES = "SELECT platform, account_id, coalesce(name, handle, account_id) AS name FROM core.account"


@dataclass(frozen=True)
class Answers:
    """What one night answers; a frame per question."""

    trend: pl.DataFrame
    verdicts: pl.DataFrame
    homes: pl.DataFrame
    visitors: pl.DataFrame
    interactions: pl.DataFrame
    frontier: pl.DataFrame


def read_answers(con: duckdb.DuckDBPyConnection) -> Answers:
    """Read every answer of a snapshot."""
    return Answers(
        trend=trend(con),
        verdicts=verdicts(con),
        homes=homes(con),
        visitors=visitors(con),
        interactions=interactions(con),
        frontier=frontier_chart.read_frontier(con),
    )


def trend(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment, open account of ours and week: `mart.reach_trend` (people)."""
    return named(con, "mart.reach_trend", "week_on")


def verdicts(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment and open account of ours: `mart.reach_verdict`."""
    return named(con, "mart.reach_verdict")


def homes(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment, open account of ours, basis and band of distance from home: `mart.reach_home` (people)."""
    return named(con, "mart.reach_home", "basis", "home_band")


def visitors(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment, open account of ours and basis: `mart.visitor_reach` (people; shares of 0 to 1)."""
    return named(con, "mart.visitor_reach", "basis")


def interactions(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment, open account of ours and group of people: `mart.interaction_quality`."""
    return named(con, "mart.interaction_quality", "by_whom")


def named(con: duckdb.DuckDBPyConnection, table: str, *more_keys: str) -> pl.DataFrame:
    """Read a mart of segments and accounts with titles and names; an account without a name has its handle or id."""
    rows: pl.DataFrame = con.sql(f"FROM {table}").pl()
    titles: pl.DataFrame = con.sql("SELECT segment_id, max(title) AS title FROM mart.segment_size GROUP BY ALL").pl()
    names: pl.DataFrame = con.sql(NAMES).pl()
    return (
        rows.join(titles, on="segment_id", how="left")
        .join(names, on=("platform", "account_id"), how="left")
        .with_columns(pl.col("title").fill_null(pl.col("segment_id")), pl.col("name").fill_null(pl.col("account_id")))
        .sort("segment_id", "platform", "account_id", *more_keys)
    )
