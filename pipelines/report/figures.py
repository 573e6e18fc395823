"""Everything the report says, read from one published snapshot: small tables only, never a person's row.

Each function takes a connection to a snapshot and gives a polars DataFrame, sorted by its whole key;
notebooks use the same ones. Counts are exact here: `pipelines.release.disclosure` decides how they are shown.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from pipelines.common import database
from pipelines.common.errors import ModelError, PublishError
from pipelines.report.answers import Answers, read_answers

TITLES = """
    SELECT segment_id, max(title) AS title FROM mart.segment_size GROUP BY segment_id
"""


@dataclass(frozen=True)
class Night:
    """What one published night knows; a frame per question."""

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
    restatements: pl.DataFrame
    definitions: pl.DataFrame
    quality: pl.DataFrame
    expansion: pl.DataFrame
    answers: Answers


def read_night(snapshot: Path) -> Night:
    """Read a published snapshot.

    Raises `PublishError` where it is not there or describes no run, `ModelError` where a table is amiss.
    """
    if not snapshot.exists():
        raise PublishError(snapshot.name, "is not there", hint="stillreach snapshots")
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
                restatements=restatements(con),
                definitions=_frame(con, "SELECT * FROM ref.segment ORDER BY segment_id"),
                quality=quality(con),
                expansion=expansion(con),
                answers=read_answers(con),
            )
        finally:
            con.close()


def run(con: duckdb.DuckDBPyConnection, snapshot: Path) -> tuple[str, date]:
    """Id and day of the run that wrote the snapshot: the one it is named for, else the last one published."""
    found = con.execute(
        """
        SELECT run_id, as_of FROM meta.run
        WHERE status = 'published'
        ORDER BY run_id = $name DESC, started_at DESC, run_id DESC
        LIMIT 1
        """,
        {"name": snapshot.stem},
    ).fetchall()
    if not found:
        raise PublishError(snapshot.name, "describes no published run")
    return str(found[0][0]), found[0][1]


def reach(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment, open account of ours and basis, with names: `mart.segment_reach` (people)."""
    return _frame(
        con,
        f"""
        WITH titles AS ({TITLES})
        SELECT
            segment_reach.segment_id,
            coalesce(titles.title, segment_reach.segment_id) AS title,
            segment_reach.platform,
            segment_reach.account_id,
            coalesce(account.name, account.handle, segment_reach.account_id) AS name,
            segment_reach.* EXCLUDE (as_of, segment_id, platform, account_id)
        FROM mart.segment_reach
        LEFT JOIN titles ON segment_reach.segment_id = titles.segment_id
        LEFT JOIN core.account
            ON segment_reach.platform = account.platform AND segment_reach.account_id = account.account_id
        ORDER BY segment_id, platform, account_id, basis
    """,
    )


def signatures(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment, platform, basis and set of accounts: how many people exactly that set reaches.

    `account_names` stands in the order of `account_ids`; both are empty for people whom none reaches.
    `data_on` is the newest, `data_from` the oldest day of the data behind the platform's accounts.
    """
    return _frame(
        con,
        f"""
        WITH titles AS ({TITLES}),
        data_days AS (
            SELECT platform, basis, min(data_on) AS data_from, max(data_on) AS data_on
            FROM mart.segment_reach
            GROUP BY platform, basis
        ),
        names AS (
            SELECT
                platform,
                map_from_entries(list((account_id, coalesce(name, handle, account_id)))) AS name_of
            FROM core.account
            GROUP BY platform
        )
        SELECT
            reach_signature.segment_id,
            coalesce(titles.title, reach_signature.segment_id) AS title,
            reach_signature.platform,
            reach_signature.basis,
            reach_signature.account_ids,
            [coalesce(names.name_of[one], one) FOR one IN reach_signature.account_ids] AS account_names,
            CAST(reach_signature.people AS BIGINT) AS people,
            data_days.data_from,
            data_days.data_on
        FROM mart.reach_signature
        LEFT JOIN titles ON reach_signature.segment_id = titles.segment_id
        LEFT JOIN data_days
            ON reach_signature.platform = data_days.platform AND reach_signature.basis = data_days.basis
        LEFT JOIN names ON reach_signature.platform = names.platform
        ORDER BY segment_id, platform, basis, account_ids
    """,
    )


def sizes(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment and platform with lists of people, with the days of the lists behind it."""
    return _frame(
        con,
        """
        WITH data_days AS (
            SELECT platform, min(data_on) AS data_from, max(data_on) AS data_on
            FROM mart.segment_reach
            WHERE basis = 'follower'
            GROUP BY platform
        )
        SELECT
            segment_size.segment_id,
            segment_size.title,
            segment_size.platform,
            segment_size.segment_people,
            segment_size.reached_people,
            segment_size.everyone_people,
            data_days.data_from,
            data_days.data_on
        FROM mart.segment_size
        LEFT JOIN data_days ON segment_size.platform = data_days.platform
        ORDER BY segment_id, platform
    """,
    )


def scorecards(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per account of ours, open or closed: `mart.account_scorecard`."""
    return _frame(con, "SELECT * FROM mart.account_scorecard ORDER BY platform, account_id")


def checks(con: duckdb.DuckDBPyConnection, run_id: str) -> pl.DataFrame:
    """One row per expectation that was checked in the run."""
    return _frame(
        con,
        """
        SELECT layer, table_name, expectation_id, severity, is_success, n_unexpected, notes
        FROM meta.validation_result
        WHERE run_id = $run_id
        ORDER BY layer, table_name, expectation_id
        """,
        {"run_id": run_id},
    )


def deliveries(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per source: deliveries in the numbers, their days, and what became of their rows."""
    return _frame(
        con,
        """
        SELECT
            source,
            count(DISTINCT delivery_id) AS n_deliveries,
            min(snapshot_on) AS first_on,
            max(snapshot_on) AS last_on,
            string_agg(DISTINCT table_name, ', ' ORDER BY table_name) AS table_names,
            CAST(sum(n_rows) AS BIGINT) AS n_rows,
            CAST(sum(n_rows_loaded) AS BIGINT) AS n_rows_loaded,
            CAST(sum(n_rows_quarantined) AS BIGINT) AS n_rows_quarantined,
            CAST(sum(n_rows_duplicate) AS BIGINT) AS n_rows_duplicate
        FROM meta.delivery
        GROUP BY source
        ORDER BY source
    """,
    )


def quarantine(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per source, table and reason: how many rows were kept out or lost a value, and the last day."""
    return _frame(
        con,
        """
        SELECT
            coalesce(delivery.source, 'unknown') AS source,
            quarantine.table_name,
            quarantine.quarantine_effect,
            quarantine.quarantine_reason,
            CAST(sum(quarantine.n_rows) AS BIGINT) AS n_rows,
            max(delivery.snapshot_on) AS last_on
        FROM meta.quarantine
        LEFT JOIN meta.delivery
            ON quarantine.delivery_id = delivery.delivery_id AND quarantine.table_name = delivery.table_name
        GROUP BY ALL
        ORDER BY source, quarantine.table_name, quarantine_effect, quarantine_reason
    """,
    )


def partial_lists(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per account and kind of list that is not whole: what came, what the platform counts, and why."""
    return _frame(
        con,
        """
        SELECT
            partial_list.platform,
            partial_list.account_id,
            coalesce(account.name, partial_list.account_id) AS name,
            partial_list.list_kind,
            partial_list.snapshot_on,
            partial_list.n_collected,
            partial_list.n_reported,
            partial_list.completeness_reason
        FROM meta.partial_list
        LEFT JOIN core.account
            ON partial_list.platform = account.platform AND partial_list.account_id = account.account_id
        ORDER BY name, partial_list.platform, partial_list.account_id, list_kind
    """,
    )


def absent_sources(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per source that had not landed when the night began, with the newest day it landed for."""
    return _frame(con, "SELECT source, newest_on FROM meta.source_arrival WHERE NOT is_here ORDER BY source")


def restatements(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per platform and metric: how many published figures a later delivery gave another value."""
    return _frame(
        con,
        """
        SELECT platform, metric, count(*) AS n_restated, max(restated_on) AS last_on
        FROM core.account_day_restatement
        GROUP BY platform, metric
        ORDER BY platform, metric
    """,
    )


def quality(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment and platform with an audit in force: size, and how right and complete its rules are."""
    return _frame(
        con,
        """
    SELECT
        segment_id,
        platform,
        labelled_on,
        n_labels,
        max(CASE WHEN measure = 'size_people' THEN estimate END) AS size_people,
        max(CASE WHEN measure = 'size_people' THEN estimate_lo END) AS size_people_lo,
        max(CASE WHEN measure = 'size_people' THEN estimate_hi END) AS size_people_hi,
        max(CASE WHEN measure = 'rule_precision' THEN estimate END) AS rule_precision,
        max(CASE WHEN measure = 'rule_precision' THEN estimate_lo END) AS rule_precision_lo,
        max(CASE WHEN measure = 'rule_precision' THEN estimate_hi END) AS rule_precision_hi,
        max(CASE WHEN measure = 'rule_recall' THEN estimate END) AS rule_recall,
        max(CASE WHEN measure = 'rule_recall' THEN estimate_lo END) AS rule_recall_lo,
        max(CASE WHEN measure = 'rule_recall' THEN estimate_hi END) AS rule_recall_hi
    FROM mart.segment_quality
    WHERE is_in_force
    GROUP BY segment_id, platform, labelled_on, n_labels
    ORDER BY segment_id, platform
    """,
    )


def expansion(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per segment and platform that scores could expand and no audit in force speaks of."""
    return _frame(
        con,
        """
    SELECT expansion.*
    FROM mart.segment_expansion AS expansion
    LEFT JOIN mart.segment_quality AS quality
        ON
            expansion.segment_id = quality.segment_id
            AND expansion.platform = quality.platform
            AND quality.is_in_force
            AND quality.measure = 'size_people'
    WHERE expansion.channel = 'follow' AND expansion.guard <> 'off' AND quality.segment_id IS NULL
    ORDER BY expansion.segment_id, expansion.n_seeds DESC, expansion.platform
    """,
    )


def _frame(con: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, str] | None = None) -> pl.DataFrame:
    frame: pl.DataFrame = con.sql(query, params=parameters).pl()
    return frame
