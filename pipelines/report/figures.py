"""Read everything the report shows from one published snapshot: small tables only, never a row of a person.

Each function takes a connection to a snapshot and gives a polars DataFrame, sorted by its whole key;
notebooks use the same functions. Counts are exact here: `pipelines.release.disclosure` decides how they are shown.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from pipelines.common import database
from pipelines.common.errors import ModelError, PublishError
from pipelines.common.query import query
from pipelines.report.answers import Answers, named, read_answers
from pipelines.warehouse import freshness
from pipelines.warehouse.freshness import Freshness


@dataclass(frozen=True)
class Night:
    """The data of one published night; a frame per question."""

    run_id: str
    as_of: date
    reach: pl.DataFrame
    signatures: pl.DataFrame
    sizes: pl.DataFrame
    scorecards: pl.DataFrame
    checks: pl.DataFrame
    deliveries: pl.DataFrame
    quarantine: pl.DataFrame
    partial_lists: pl.DataFrame
    absent_sources: pl.DataFrame
    freshness: Freshness
    stale: pl.DataFrame
    changes: pl.DataFrame
    restatements: pl.DataFrame
    definitions: pl.DataFrame
    quality: pl.DataFrame
    expansion: pl.DataFrame
    answers: Answers


def read_night(snapshot: Path) -> Night:
    """Read a published snapshot.

    Raises `PublishError` where it is not there or describes no run, `ModelError` where a table cannot be read.
    """
    if not snapshot.exists():
        raise PublishError(snapshot.name, "is not there", hint="stillreach status names the snapshots")
    with database.without_values(ModelError, snapshot.name):
        con = duckdb.connect(str(snapshot), read_only=True)
        try:
            run_id, as_of = run(con, snapshot)
            return Night(
                run_id=run_id,
                as_of=as_of,
                reach=reach(con),
                signatures=signatures(con),
                sizes=sizes(con),
                scorecards=scorecards(con),
                checks=checks(con, run_id),
                deliveries=deliveries(con),
                quarantine=quarantine(con),
                partial_lists=partial_lists(con),
                absent_sources=absent_sources(con),
                freshness=freshness.summary(con),
                stale=_frame(con, query("report/stale")),
                changes=_frame(con, query("report/changes")),
                restatements=restatements(con),
                definitions=_frame(con, "SELECT * FROM ref.segment ORDER BY segment_id"),
                quality=quality(con),
                expansion=expansion(con),
                answers=read_answers(con),
            )
        finally:
            con.close()


def run(con: duckdb.DuckDBPyConnection, snapshot: Path) -> tuple[str, date]:
    """Give the id and the day of the run that wrote the snapshot: the one it is named for, else the last published."""
    found = con.execute(
        query("report/run"),
        {"name": snapshot.stem},
    ).fetchall()
    if not found:
        raise PublishError(snapshot.name, "describes no published run")
    return str(found[0][0]), found[0][1]


def reach(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment, open own account and basis, with names: `mart.segment_reach` (people)."""
    rows = named(con, "mart.segment_reach", "basis").drop("as_of")
    first = ("segment_id", "title", "platform", "account_id", "name")
    return rows.select(*first, pl.exclude(first))


def signatures(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment, platform, basis and set of accounts: how many people exactly that set reaches.

    `account_names` stands in the order of `account_ids`; both are empty for people whom none reaches.
    `data_on` is the newest, `data_from` the oldest day of the data behind the platform's accounts.
    """
    return _frame(con, query("report/signatures"))


def sizes(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment and platform with lists of people, with the days of the lists behind it."""
    return _frame(con, query("report/sizes"))


def scorecards(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per own account, open or closed: `mart.account_scorecard`."""
    return _frame(con, "SELECT * FROM mart.account_scorecard ORDER BY platform, account_id")


def checks(con: duckdb.DuckDBPyConnection, run_id: str) -> pl.DataFrame:
    """One row per expectation that was checked in the run."""
    return _frame(con, query("report/checks"), {"run_id": run_id})


def deliveries(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per source: its deliveries, their days, and what became of their rows."""
    return _frame(con, query("report/deliveries"))


def quarantine(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per source, table and reason: how many rows were rejected or lost a value, and the last day."""
    return _frame(con, query("report/quarantine"))


def partial_lists(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per account and kind of list that is partial: what was collected, what the platform counts, and why."""
    return _frame(con, query("report/partial_lists"))


def absent_sources(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per source that had not landed when the night began, with the newest day it landed for."""
    return _frame(con, "SELECT source, newest_on FROM meta.source_arrival WHERE NOT is_here ORDER BY source")


def restatements(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per platform and metric: how many published figures a later delivery gave another value."""
    return _frame(con, query("report/restatements"))


def quality(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment and platform with a current label audit: size, precision and recall of its rules."""
    return _frame(con, query("report/quality"))


def expansion(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment and platform that scores could expand and that has no current label audit."""
    return _frame(con, query("report/expansion"))


def _frame(con: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, str] | None = None) -> pl.DataFrame:
    frame: pl.DataFrame = con.sql(sql, params=parameters).pl()
    return frame
