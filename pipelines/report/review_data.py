"""Everything a review says, read from one published snapshot: the decisions of that night and what they rest on.

Counts are exact here; `review_words` decides how they are shown. Nothing is judged anew: rules, thresholds and
reasons stand in the snapshot as they were when they decided.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from pipelines.common import database
from pipelines.common.errors import ModelError, PublishError
from pipelines.common.query import query
from pipelines.release.released_counts import NO_RELEASE, ReleasedCounts
from pipelines.report import as_released
from pipelines.report.figures import run
from pipelines.report.labels import PLATFORMS
from pipelines.warehouse import freshness

Row = dict[str, Any]
Key = tuple[str, str]


@dataclass(frozen=True)
class Decided:
    """One account: who it is, what was decided, the evidence by measure and community, the rules held against it."""

    key: Key
    account: Row
    decision: Row
    facts: dict[tuple[str, str | None], Row]
    checks: list[Row]
    losses: list[Row]
    data_on: list[date]
    action_before: str | None


@dataclass(frozen=True)
class Review:
    """The review of one night; accounts in the order of a report's platforms, most active people first."""

    run_id: str
    as_of: date
    accounts: list[Decided]
    segments: list[Row]
    earlier_on: date | None
    banner: str | None

    @property
    def names(self) -> dict[Key, str]:
        return {one.key: name_of(one.account) for one in self.accounts}

    @property
    def titles(self) -> dict[str, str]:
        return {row["segment_id"]: row["title"] or row["segment_id"] for row in self.segments}


def read_review(snapshot: Path, earlier: Path | None = None, counts: ReleasedCounts = NO_RELEASE) -> Review:
    """Read a snapshot's decisions, and what an earlier snapshot had decided of the same accounts.

    Counts of people are those of `counts` wherever the release has them.

    Raises `PublishError` where the snapshot is not there or holds no decision, `ModelError` where a table is amiss.
    """
    if not snapshot.exists():
        raise PublishError(snapshot.name, "is not there", hint="stillreach status names those that are kept")
    with database.without_values(ModelError, snapshot.name):
        con = duckdb.connect(str(snapshot), read_only=True)
        try:
            if not has_decisions(con):
                raise PublishError(snapshot.name, "holds no decisions", hint="run stillreach nightly for that day")
            run_id, as_of = run(con, snapshot)
            before, earlier_on = _earlier(earlier)
            accounts = _accounts(con, before, counts)
            segments = _rows(
                con, "SELECT segment_id, title, owner, definition_hash FROM ref.segment ORDER BY segment_id"
            )
            return Review(run_id, as_of, accounts, segments, earlier_on, freshness.summary(con).banner(as_of))
        finally:
            con.close()


def has_decisions(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a snapshot knows of decisions at all: older ones do not."""
    found = con.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'mart' AND table_name = 'decision'"
    ).fetchall()
    return bool(found[0][0])


def name_of(account: Row) -> str:
    """An account's name for people."""
    return str(account["name"] or account["handle"] or account["account_id"])


def _accounts(con: duckdb.DuckDBPyConnection, before: dict[Key, str], counts: ReleasedCounts) -> list[Decided]:
    facts: dict[Key, dict[tuple[str, str | None], Row]] = {}
    for row in _rows(con, "SELECT * FROM mart.decision_evidence"):
        facts.setdefault(_key(row), {})[row["measure"], row["segment_id"]] = row | as_released.fact(row, counts)
    checks = _by_key(_rows(con, "SELECT * FROM mart.decision_check ORDER BY rule_no, condition_no"))
    losses = _by_key(row | as_released.losses(row, counts) for row in _rows(con, query("report/losses")))
    days: dict[Key, list[date]] = {}
    for row in _rows(con, "SELECT DISTINCT platform, account_id, data_on FROM mart.segment_reach ORDER BY ALL"):
        if row["data_on"]:
            days.setdefault(_key(row), []).append(row["data_on"])
    decisions = {
        _key(row): row | as_released.decision(row, counts) for row in _rows(con, "SELECT * FROM mart.decision")
    }
    accounts = {_key(row): row for row in _rows(con, "SELECT * FROM core.account WHERE role = 'own'")}

    def place(key: Key) -> tuple[int, float, Key]:
        known = list(PLATFORMS)
        active = facts.get(key, {}).get(("active_people", None), {}).get("value")
        return known.index(key[0]) if key[0] in known else len(known), -(active or 0), key

    return [
        Decided(
            key,
            accounts.get(key) or {"name": None, "handle": None, "account_id": key[1], "purpose": None},
            decisions[key],
            facts.get(key, {}),
            checks.get(key, []),
            losses.get(key, []),
            days.get(key, []),
            before.get(key),
        )
        for key in sorted(decisions, key=place)
    ]


def _earlier(snapshot: Path | None) -> tuple[dict[Key, str], date | None]:
    """What the snapshot before had decided; nothing where there is none, or it is of before there were decisions."""
    if snapshot is None:
        return {}, None
    con = duckdb.connect(str(snapshot), read_only=True)
    try:
        if not has_decisions(con):
            return {}, None
        rows = _rows(con, "SELECT platform, account_id, action, as_of FROM mart.decision")
    finally:
        con.close()
    return {_key(row): row["action"] for row in rows}, max((row["as_of"] for row in rows), default=None)


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    found: list[Row] = con.sql(query).pl().to_dicts()
    return found


def _by_key(rows: Iterable[Row]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault(_key(row), []).append(row)
    return found


def _key(row: Row) -> Key:
    return row["platform"], row["account_id"]
