"""`mart.decision_evidence`: everything a decision rests on, one figure a row, read from the marts of the same night.

Nothing is estimated here that a mart has estimated already. A figure that no mart has is a row without a value
and with its reason: no rule can be satisfied by it. Figures are exact; the page rounds and suppresses them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import polars as pl

from pipelines.marts import Inputs, typed_frame
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
from pipelines.reach.misclassification import TextSums

TABLE = "mart.decision_evidence"
READS = (
    "core.collection_start",
    "core.contact",
    "core.own_account",
    "meta.freshness",
    SCORECARD,
    CLOSURE,
    COUNTS,
    QUALITY,
    MODERATION,
    TREND,
    VERDICT,
    REACH,
    VISITORS,
)

EVERYONE = "everyone"
NO_POSTS = "no extract of posts"
IMPACT_REASON = (
    "not measured here: whether anybody is safer or trusts more because of an account does not follow from its audience"
)

Row = dict[str, Any]
Key = tuple[str, str]
# Why data are too old to answer with, by platform, account and kind.
Stale = Mapping[tuple[str, str, str], str]


@dataclass(frozen=True)
class Figure:
    """One figure: of the account as a whole where `segment_id` is None; `n_base` is what a share is a share of.

    `kinds` are the kinds of data it rests on, where they differ from those of its measure.
    """

    key: Key
    measure: str
    segment_id: str | None
    value: float | None
    value_lo: float | None = None
    value_hi: float | None = None
    n_base: float | None = None
    reason: str | None = None
    kinds: tuple[str, ...] | None = None
    is_stale: bool = False

    def held_to(self, stale: Stale) -> "Figure":
        """Take the figure away where data that it rests on are too old, and say which."""
        kinds = MEASURES[self.measure].kinds if self.kinds is None else self.kinds
        late = [stale[*self.key, kind] for kind in kinds if (*self.key, kind) in stale]
        if not late:
            return self
        return Figure(self.key, self.measure, self.segment_id, None, reason=late[0], is_stale=True)

    @classmethod
    def whole(cls, row: Row, measure: str, value: float | None, missing: str) -> "Figure":
        """Take a figure of the account as a whole, without an interval; `missing` says why it may not be known."""
        return cls(_key(row), measure, None, value, reason=missing if value is None else None)


def make(inputs: Inputs) -> pl.DataFrame:
    """Make a row per open account of ours, measure and, where it is of one, community.

    Every measure has a row for every account it could be of, with its reason where there is no figure.
    """
    accounts = inputs.read("core.own_account", "platform", "account_id", "is_open").filter("is_open")
    keys = [(row["platform"], row["account_id"]) for row in accounts.iter_rows(named=True)]
    found = {(figure.key, figure.measure, figure.segment_id): figure for source in SOURCES for figure in source(inputs)}
    stale = inputs.stale
    figures = (figure.held_to(stale) for figure in _complete(keys, found))
    return typed_frame("decision_evidence", [_row(inputs.as_of, figure) for figure in figures])


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
        "is_stale": figure.is_stale,
        "evidence_reason": figure.reason or (None if has_value else f"no figure of it in {measure.source}"),
        "source_table": measure.source,
    }


def _scorecard(inputs: Inputs) -> Iterator[Figure]:
    """Followers, posts and engaged people, of each account as a whole."""
    starts = {
        row["platform"]: row["first_posted_on"] for row in inputs.read("core.collection_start").iter_rows(named=True)
    }
    for row in inputs.read(SCORECARD).iter_rows(named=True):
        yield _followers_of(row)
        yield Figure.whole(row, "n_posts", row["n_posts"], NO_POSTS)
        rate = _posts_per_week(row["n_posts"], starts.get(row["platform"]), inputs.as_of)
        yield Figure.whole(row, "posts_per_week", rate, NO_POSTS)
        silent = (inputs.as_of - row["last_posted_on"]).days if row["last_posted_on"] else None
        yield Figure.whole(row, "days_since_post", silent, NO_POSTS)
        yield Figure.whole(row, "engaged_people", row["engaged_people"], "no engagement extract")


def _followers_of(row: Row) -> Figure:
    """Take the followers of the lists; where there is no list, the platform's own count, said to be one."""
    if row["followers"] is None and row["followers_reported"] is not None:
        reason = "the platform's own count: no list of people"
        return Figure(_key(row), "followers", None, row["followers_reported"], reason=reason, kinds=("account_day",))
    return Figure(
        _key(row), "followers", None, row["followers"], reason=None if row["followers"] else "no list, no count"
    )


def _posts_per_week(n_posts: int | None, first_on: date | None, as_of: date) -> float | None:
    """Divide posts by the weeks since the first known one; of less than a week nobody knows a rate, so one is taken."""
    if n_posts is None or first_on is None:
        return None
    return n_posts / max(((as_of - first_on).days + 1) / 7, 1.0)


def _followers(inputs: Inputs) -> Iterator[Figure]:
    """How followers changed from the first week with a complete list to the last one that is known."""
    weeks: dict[tuple[Key, str], list[Row]] = {}
    for row in inputs.read(TREND).iter_rows(named=True):
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


def _reach(inputs: Inputs) -> Iterator[Figure]:
    """Whom it reaches: followers, and those of them who are active, with the mart's intervals."""
    names = {"follower": "reach_people", "active": "active_people"}
    for row in inputs.read(REACH).iter_rows(named=True):
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


def _verdicts(inputs: Inputs) -> Iterator[Figure]:
    """Whether it still reaches each community, and which way that community's activity goes."""
    verdicts_of: dict[Key, list[str]] = {}
    for row in inputs.read(VERDICT).iter_rows(named=True):
        key, segment_id = _key(row), _segment(row["segment_id"])
        if not segment_id:
            continue
        verdicts_of.setdefault(key, []).append(row["verdict"])
        reaches = {"reaches": 1.0, "no longer reaches": 0.0}.get(row["verdict"])
        yield Figure(key, "reaches", segment_id, reaches, reason=None if reaches is not None else row["verdict_reason"])
        falls = {"falling": 1.0, "steady": 0.0, "rising": 0.0}.get(row["trend"])
        yield Figure(
            key, "is_falling", segment_id, falls, reason=None if falls is not None else "too few weeks to tell"
        )
        change, interval = row["trend_change_share"], (row["trend_change_share_lo"], row["trend_change_share_hi"])
        reason = None if change is not None else "too few weeks to tell"
        yield Figure(key, "activity_change_share", segment_id, change, *interval, reason=reason)
    for key, verdicts in verdicts_of.items():
        is_known = any(one != "cannot tell" for one in verdicts)
        for name, verdict in (("n_segments_reached", "reaches"), ("n_segments_no_longer", "no longer reaches")):
            value = verdicts.count(verdict) if is_known else None
            yield Figure(key, name, None, value, reason=None if is_known else "unknown for every community")


def _closures(inputs: Inputs) -> Iterator[Figure]:
    """Who would be lost if it alone closed, and how much of its audience the next account of ours has as well.

    A community of which no account of ours reaches anybody on the platform has nobody to lose: it has no row.
    """
    for row in inputs.read(CLOSURE).iter_rows(named=True):
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


def _visitors(inputs: Inputs) -> Iterator[Figure]:
    """How many of those it reaches come from elsewhere, of those who say where they live."""
    for row in inputs.read(VISITORS).iter_rows(named=True):
        if row["basis"] != "active":
            continue
        known = (row["home_people"] or 0) + (row["visitor_people"] or 0)
        share = row["visitor_share"]
        interval = (row["visitor_share_lo"], row["visitor_share_hi"])
        reason = None if share is not None else "of nobody is it known where they live"
        yield Figure(_key(row), "visitor_share", _segment(row["segment_id"]), share, *interval, known, reason)


def _quality(inputs: Inputs) -> Iterator[Figure]:
    """What people do on it, and how much of what they write is hostile, whoever wrote it.

    The mart shares interactions out among groups of people; rates per post add up.
    """
    of_everyone = inputs.read(QUALITY).filter(pl.col("segment_id") == EVERYONE)
    shares = {figure.key: figure for figure in _hostile_shares(inputs)}
    for (platform, account_id), groups in of_everyone.group_by("platform", "account_id", maintain_order=True):
        key = (str(platform), str(account_id))
        reason = next(iter(groups["quality_reason"].drop_nulls()), "no text in the extract")
        for name in ("conversation", "amplification"):
            known = groups[name].drop_nulls()
            value = None if known.is_empty() else sum(known)
            yield Figure(key, name, None, value, reason=reason if value is None else None)
        yield shares.get(key) or Figure(key, "hostile_share", None, None, reason=reason)


def _hostile_shares(inputs: Inputs) -> Iterator[Figure]:
    """Correct the hostile share of all that was written to an account, by the labeller's measured errors.

    The groups of `interaction_count` are of different people, so that counts and sums of squares add up; one correction
    of the sum is tighter than the mean of the parts' intervals, which share one labeller.
    """
    names = [one.name for one in fields(TextSums)]
    judged = (pl.col("segment_id") == EVERYONE) & (pl.col("n_judged") > 0)
    sums = (
        inputs.read(COUNTS)
        .filter(judged)
        .group_by("platform", "account_id", maintain_order=True)
        .agg(pl.col(name).cast(pl.Float64).sum() for name in names)
    )
    sample = misclassification.labelled_sample(inputs.labeller)
    if sums.is_empty() or not misclassification.is_better_than_chance(sample):
        return
    found = misclassification.hostile_share(TextSums.of(sums), sample)
    sums = sums.with_columns(share=found.estimate, lo=found.lo, hi=found.hi)
    for row in sums.filter(pl.col("n_judged") >= inputs.bands["texts_at_least"]).iter_rows(named=True):
        yield Figure(_key(row), "hostile_share", None, row["share"], row["lo"], row["hi"], row["n_judged"])


def _moderation(inputs: Inputs) -> Iterator[Figure]:
    """Texts that somebody must read, a week: the mean of the whole weeks."""
    weeks: dict[Key, list[float]] = {}
    for row in inputs.read(MODERATION).iter_rows(named=True):
        if row["n_days"] == 7 and row["n_worded"] is not None:
            weeks.setdefault(_key(row), []).append(row["n_worded"])
    for key, texts in weeks.items():
        yield Figure(key, "texts_per_week", None, sum(texts) / len(texts))


def _contacts(inputs: Inputs) -> Iterator[Figure]:
    """Contacts that name the account: a month, for 1,000 active people reached, and how they changed."""
    active = {
        _key(row): row["reach_people"]
        for row in inputs.read(REACH).iter_rows(named=True)
        if row["basis"] == "active" and row["segment_id"] == EVERYONE
    }
    for one in contacts.contacts(inputs.read("core.contact"), inputs.as_of):
        key = (one.platform, one.account_id)
        yield Figure(key, "contacts_per_month", None, one.per_month)
        change = one.change
        yield Figure(key, "contacts_change_share", None, change.share, change.lo, change.hi, reason=change.reason)
        reached = active.get(key)
        rates = (one.per_month, one.per_month_lo, one.per_month_hi)
        value, low, high = (rate * 1000 / reached if reached else None for rate in rates)
        reason = None if reached else "nobody knows whom it reaches"
        yield Figure(key, "contacts_per_1000_reached", None, value, low, high, reached, reason)


def _key(row: Row) -> Key:
    return row["platform"], row["account_id"]


def _segment(segment_id: str) -> str | None:
    """Everyone is the account as a whole."""
    return None if segment_id == EVERYONE else segment_id


SOURCES: tuple[Callable[[Inputs], Iterator[Figure]], ...] = (
    _scorecard,
    _followers,
    _reach,
    _verdicts,
    _closures,
    _visitors,
    _quality,
    _moderation,
    _contacts,
)
