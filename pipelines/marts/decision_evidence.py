"""`mart.decision_evidence`: everything a decision rests on, one figure a row, read from the marts of the same night.

Nothing is estimated here that a mart has estimated already. A figure that no mart has is a row without a value
and with its reason: no rule can be satisfied by it. Figures are exact; the page rounds and suppresses them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import polars as pl

from pipelines.common.contract import contracts
from pipelines.common.settings import Settings
from pipelines.marts import Inputs, interaction_quality
from pipelines.reach import contacts, misclassification
from pipelines.reach.metrics import (
    CLOSURE,
    COUNTS,
    MEASURES,
    MODERATION,
    QUALITY,
    REACH,
    SCORECARD,
    TREND,
    VERDICT,
    VISITORS,
)
from pipelines.reference.files import read_bands
from pipelines.reference.text_rules import read_labeller

TABLE = "mart.decision_evidence"
READS = (
    "core.account",
    "core.contact",
    "core.post",
    "mart.account_scorecard",
    "mart.closure_effect",
    "mart.interaction_count",
    "mart.interaction_quality",
    "mart.moderation_load",
    "mart.reach_trend",
    "mart.reach_verdict",
    "mart.segment_reach",
    "mart.visitor_reach",
)

EVERYONE = "everyone"
HOSTILE_SUMS = ("n_hostile", "n_judged", "judged_squares", "judged_hostile_products", "hostile_squares")
IMPACT_REASON = (
    "not measured here: whether anybody is safer or trusts more because of an account cannot be told from its audience"
)

TYPES: dict[str, Any] = {
    "VARCHAR": pl.String,
    "VARCHAR[]": pl.List(pl.String),
    "DATE": pl.Date,
    "DOUBLE": pl.Float64,
    "BIGINT": pl.Int64,
    "BOOLEAN": pl.Boolean,
}

Row = dict[str, Any]
Key = tuple[str, str]


@dataclass(frozen=True)
class Figure:
    """One figure: of the account as a whole where `segment_id` is None; `n_base` is what a share is a share of."""

    key: Key
    measure: str
    segment_id: str | None
    value: float | None
    value_lo: float | None = None
    value_hi: float | None = None
    n_base: float | None = None
    reason: str | None = None


def make(inputs: Inputs) -> pl.DataFrame:
    """Give one row per open account of ours, measure and, where it is of one, community.

    Every measure has a row for every account it could be of, with its reason where there is no figure.
    """
    con, settings, as_of = inputs.con, inputs.settings, inputs.as_of
    keys = [
        (str(platform), str(account_id))
        for platform, account_id in con.execute(
            "SELECT platform, account_id FROM core.account WHERE role = 'own' AND is_open ORDER BY ALL"
        ).fetchall()
    ]
    found: dict[tuple[Key, str, str | None], Figure] = {}
    for figure in (
        *_scorecard(con, as_of), *_followers(con), *_reach(con), *_verdicts(con), *_closures(con), *_visitors(con),
        *_quality(con, settings), *_moderation(con), *_contacts(con, as_of),
    ):  # fmt: skip
        found[figure.key, figure.measure, figure.segment_id] = figure
    return frame("decision_evidence", [_row(as_of, figure) for figure in _complete(keys, found)])


def frame(table: str, rows: list[Row]) -> pl.DataFrame:
    """Give the rows of a mart as a frame with its contract's columns, typed also where a column has no value at all."""
    return pl.DataFrame(rows, schema={column.name: TYPES[column.type] for column in contracts("mart")[table].columns})


def _complete(keys: list[Key], found: Mapping[tuple[Key, str, str | None], Figure]) -> Iterator[Figure]:
    """Give the figures in order: accounts, measures as the page has them, the account as a whole first."""
    by_place: dict[tuple[Key, str], list[Figure]] = {}
    for (key, name, segment_id), figure in found.items():
        if segment_id is not None:
            by_place.setdefault((key, name), []).append(figure)
    for key in keys:
        for name, measure in MEASURES.items():
            if measure.of_account:
                reason = IMPACT_REASON if name == "impact" else f"no figure of it in {measure.source}"
                yield found.get((key, name, None)) or Figure(key, name, None, None, reason=reason)
            yield from sorted(by_place.get((key, name), []), key=lambda one: str(one.segment_id))


def _row(as_of: date, figure: Figure) -> Row:
    measure = MEASURES[figure.measure]
    has_value = figure.value is not None
    return {
        "as_of": as_of,
        "platform": figure.key[0],
        "account_id": figure.key[1],
        "stage": measure.stage,
        "measure": figure.measure,
        "segment_id": figure.segment_id,
        "value": figure.value,
        "value_lo": figure.value_lo if has_value and measure.has_interval else None,
        "value_hi": figure.value_hi if has_value and measure.has_interval else None,
        "unit": measure.unit,
        "n_base": figure.n_base,
        "evidence_reason": figure.reason or (None if has_value else f"no figure of it in {measure.source}"),
        "source_table": measure.source,
    }


def _scorecard(con: duckdb.DuckDBPyConnection, as_of: date) -> Iterator[Figure]:
    """Followers, posts and engaged people; where there is no list, the platform's own count, said to be one."""
    starts = {
        str(platform): first_on
        for platform, first_on in con.execute(
            """
            SELECT platform, min(CAST(posted_at AS DATE)) FROM core.post
            WHERE CAST(posted_at AS DATE) > $as_of - INTERVAL 90 DAY AND CAST(posted_at AS DATE) <= $as_of
            GROUP BY platform
            """,
            {"as_of": as_of},
        ).fetchall()
    }
    for row in read(con, SCORECARD, "followers", "followers_reported", "n_posts", "last_posted_on", "engaged_people"):
        key = _key(row)
        followers, reason = row["followers"], None
        if followers is None and row["followers_reported"] is not None:
            followers, reason = row["followers_reported"], "the platform's own count: no list of people"
        yield Figure(key, "followers", None, followers, reason=reason or (None if followers else "no list, no count"))
        no_posts = "no extract of posts"
        yield Figure(key, "n_posts", None, row["n_posts"], reason=None if row["n_posts"] is not None else no_posts)
        first_on = starts.get(row["platform"])
        weeks = ((as_of - first_on).days + 1) / 7 if first_on else None
        rate = row["n_posts"] / max(weeks, 1.0) if row["n_posts"] is not None and weeks else None
        yield Figure(key, "posts_per_week", None, rate, reason=None if rate is not None else no_posts)
        silent = (as_of - row["last_posted_on"]).days if row["last_posted_on"] else None
        yield Figure(key, "days_since_post", None, silent, reason=None if silent is not None else no_posts)
        engaged = row["engaged_people"]
        yield Figure(
            key, "engaged_people", None, engaged, reason=None if engaged is not None else "no engagement extract"
        )


def _followers(con: duckdb.DuckDBPyConnection) -> Iterator[Figure]:
    """How followers changed from the first week with a complete list to the last one that is known."""
    weeks: dict[tuple[Key, str], list[Row]] = {}
    for row in read(con, TREND, "segment_id", "week_on", "followers"):
        if row["followers"] is not None:
            weeks.setdefault((_key(row), row["segment_id"]), []).append(row)
    for (key, segment_id), rows in weeks.items():
        first, last = min(rows, key=lambda row: row["week_on"]), max(rows, key=lambda row: row["week_on"])
        if first["week_on"] == last["week_on"] or not first["followers"]:
            reason = "one week of lists" if first["followers"] else "nobody of it followed at the start"
            yield Figure(key, "followers_change_share", _segment(segment_id), None, reason=reason)
            continue
        change = last["followers"] / first["followers"] - 1
        yield Figure(key, "followers_change_share", _segment(segment_id), change, n_base=first["followers"])


def _reach(con: duckdb.DuckDBPyConnection) -> Iterator[Figure]:
    """Whom it reaches: followers, and those of them who are active, with the mart's intervals."""
    names = {"follower": "reach_people", "active": "active_people"}
    for row in read(
        con, REACH, "segment_id", "basis", "reach_people", "reach_people_lo", "reach_people_hi", "segment_people",
        "coverage_share", "coverage_share_lo", "coverage_share_hi", "reach_reason",
    ):  # fmt: skip
        if row["basis"] not in names:
            continue
        key, segment_id, reason = _key(row), _segment(row["segment_id"]), row["reach_reason"]
        interval = (row["reach_people_lo"], row["reach_people_hi"])
        yield Figure(key, names[row["basis"]], segment_id, row["reach_people"], *interval, reason=reason)
        if row["basis"] == "active" and segment_id:
            interval = (row["coverage_share_lo"], row["coverage_share_hi"])
            yield Figure(
                key, "coverage_share", segment_id, row["coverage_share"], *interval, row["segment_people"], reason
            )


def _verdicts(con: duckdb.DuckDBPyConnection) -> Iterator[Figure]:
    """Whether it still reaches each community, and which way that community's activity goes."""
    said: dict[Key, list[str]] = {}
    for row in read(
        con, VERDICT, "segment_id", "verdict", "verdict_reason", "trend", "trend_change_share",
        "trend_change_share_lo", "trend_change_share_hi",
    ):  # fmt: skip
        key, segment_id = _key(row), _segment(row["segment_id"])
        if not segment_id:
            continue
        said.setdefault(key, []).append(row["verdict"])
        reaches = {"reaches": 1.0, "no longer reaches": 0.0}.get(row["verdict"])
        yield Figure(key, "reaches", segment_id, reaches, reason=None if reaches is not None else row["verdict_reason"])
        falls = {"falling": 1.0, "steady": 0.0, "rising": 0.0}.get(row["trend"])
        yield Figure(
            key, "is_falling", segment_id, falls, reason=None if falls is not None else "too few weeks to tell"
        )
        change, interval = row["trend_change_share"], (row["trend_change_share_lo"], row["trend_change_share_hi"])
        reason = None if change is not None else "too few weeks to tell"
        yield Figure(key, "activity_change_share", segment_id, change, *interval, reason=reason)
    for key, verdicts in said.items():
        is_known = any(one != "cannot tell" for one in verdicts)
        for name, verdict in (("n_segments_reached", "reaches"), ("n_segments_no_longer", "no longer reaches")):
            value = verdicts.count(verdict) if is_known else None
            yield Figure(key, name, None, value, reason=None if is_known else "of no community can it be told")


def _closures(con: duckdb.DuckDBPyConnection) -> Iterator[Figure]:
    """Who would be lost if it alone closed, and how much of its audience the next account of ours has as well.

    A community of which no account of ours reaches anybody on the platform has nobody to lose: it has no row.
    """
    for row in read(
        con, CLOSURE, "segment_id", "basis", "reach_people", "net_reach_people", "lost_people", "lost_people_lo",
        "lost_people_hi", "lost_share", "next_account_people", "reach_reason",
    ):  # fmt: skip
        if row["basis"] != "active" or row["net_reach_people"] == 0:
            continue
        key, segment_id, reason = _key(row), _segment(row["segment_id"]), row["reach_reason"]
        net = row["net_reach_people"]
        low, high = row["lost_people_lo"], row["lost_people_hi"]
        yield Figure(key, "lost_people", segment_id, row["lost_people"], low, high, net, reason)
        low, high = (one / net if one is not None and net else None for one in (low, high))
        yield Figure(key, "lost_share", segment_id, row["lost_share"], low, high, net, reason)
        if segment_id is None:
            reached = row["reach_people"]
            overlap = (row["next_account_people"] or 0) / reached if reached else None
            alone = row["lost_people"] / reached if reached else None
            reason = reason if overlap is not None else reason or "it reaches nobody who is active"
            yield Figure(key, "overlap_of_base", None, overlap, n_base=reached, reason=reason)
            yield Figure(key, "alone_share", None, alone, n_base=reached, reason=reason)


def _visitors(con: duckdb.DuckDBPyConnection) -> Iterator[Figure]:
    """How many of those it reaches come from elsewhere, of those who say where they live."""
    for row in read(
        con, VISITORS, "segment_id", "basis", "home_people", "visitor_people", "visitor_share", "visitor_share_lo",
        "visitor_share_hi",
    ):  # fmt: skip
        if row["basis"] != "active":
            continue
        known = (row["home_people"] or 0) + (row["visitor_people"] or 0)
        share = row["visitor_share"]
        interval = (row["visitor_share_lo"], row["visitor_share_hi"])
        reason = None if share is not None else "of nobody is it known where they live"
        yield Figure(_key(row), "visitor_share", _segment(row["segment_id"]), share, *interval, known, reason)


def _quality(con: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Figure]:
    """What people do on it, and how much of what they write is hostile, whoever wrote it.

    The mart parts acts by whom they are of; rates per post add up.
    """
    parts: dict[Key, list[Row]] = {}
    for row in read(con, QUALITY, "segment_id", "by_whom", "conversation", "amplification", "quality_reason"):
        if row["segment_id"] == EVERYONE:
            parts.setdefault(_key(row), []).append(row)
    shares = {figure.key: figure for figure in _hostile_shares(con, settings)}
    for key, rows in parts.items():
        reason = next((row["quality_reason"] for row in rows if row["quality_reason"]), "no text in the extract")
        for name in ("conversation", "amplification"):
            known = [row[name] for row in rows if row[name] is not None]
            yield Figure(key, name, None, sum(known) if known else None, reason=None if known else reason)
        yield shares.get(key) or Figure(key, "hostile_share", None, None, reason=reason)


def _hostile_shares(con: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Figure]:
    """Correct the hostile share of all that was written to an account, by the labeller's measured errors.

    The groups of `mart.interaction_count` are of different people, so that counts and sums of squares add up; one
    correction of the sum is tighter than the mean of the parts' intervals, which share one labeller.
    """
    sums: dict[Key, list[float]] = {}
    for row in read(con, COUNTS, "segment_id", *HOSTILE_SUMS):
        if row["segment_id"] == EVERYONE and row["n_judged"]:
            totals = sums.setdefault(_key(row), [0.0] * len(HOSTILE_SUMS))
            sums[_key(row)] = [total + row[name] for total, name in zip(totals, HOSTILE_SUMS, strict=True)]
    if not sums:
        return
    labeller, least = read_labeller(settings), read_bands(settings)["texts_at_least"]
    sample = interaction_quality.labelled_sample(labeller)
    hostile, judged, *squares = (np.array(column) for column in zip(*sums.values(), strict=True))
    found = misclassification.corrected_share(
        hostile, judged, misclassification.design_effect(hostile, judged, *squares), sample
    )
    works = misclassification.is_better_than_chance(sample)
    for key, n_judged, share, low, high in zip(sums, judged, found.estimate, found.lo, found.hi, strict=True):
        if works and n_judged >= least:
            yield Figure(key, "hostile_share", None, float(share), float(low), float(high), float(n_judged))


def _moderation(con: duckdb.DuckDBPyConnection) -> Iterator[Figure]:
    """Texts that somebody must read, a week: the mean of the whole weeks."""
    weeks: dict[Key, list[float]] = {}
    for row in read(con, MODERATION, "week_on", "n_days", "n_worded"):
        if row["n_days"] == 7 and row["n_worded"] is not None:
            weeks.setdefault(_key(row), []).append(row["n_worded"])
    for key, texts in weeks.items():
        yield Figure(key, "texts_per_week", None, sum(texts) / len(texts))


def _contacts(con: duckdb.DuckDBPyConnection, as_of: date) -> Iterator[Figure]:
    """Contacts that name the account: a month, for 1,000 active people reached, and how they changed."""
    active = {
        _key(row): row["reach_people"]
        for row in read(con, REACH, "segment_id", "basis", "reach_people")
        if row["basis"] == "active" and row["segment_id"] == EVERYONE
    }
    for one in contacts.contacts(con, as_of):
        key = (one.platform, one.account_id)
        yield Figure(key, "contacts_per_month", None, one.per_month)
        yield Figure(
            key, "contacts_change_share", None, one.change, one.change_lo, one.change_hi,
            reason=None if one.change is not None else one.change_reason,
        )  # fmt: skip
        reached = active.get(key)
        reason = None if reached else "nobody knows whom it reaches"
        middle, low, high = (
            each * 1000 / reached if reached else None for each in (one.per_month, *one.per_month_interval)
        )
        yield Figure(key, "contacts_per_1000_reached", None, middle, low, high, reached, reason)


def read(con: duckdb.DuckDBPyConnection, name: str, *columns: str) -> Iterable[Row]:
    """Read a table of accounts in the order of its rows; without the table, or a column of it, there is no row."""
    schema, table = name.split(".")
    there = {
        column
        for (column,) in con.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = $schema AND table_name = $table",
            {"schema": schema, "table": table},
        ).fetchall()
    }
    wanted = ("platform", "account_id", *columns)
    if not set(wanted) <= there:
        return []
    rows: list[Row] = con.sql(f"SELECT {', '.join(wanted)} FROM {name} ORDER BY ALL").pl().to_dicts()
    return rows


def _key(row: Row) -> Key:
    return row["platform"], row["account_id"]


def _segment(segment_id: str) -> str | None:
    """Everyone is the account as a whole."""
    return None if segment_id == EVERYONE else segment_id
