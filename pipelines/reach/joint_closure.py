"""What closing several accounts loses together, and which account that stays has most of those an account reaches.

Exact sums over `mart.reach_signature`, on the basis `active`; people of two platforms are never matched or added.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.reach.coverage_matrix import EVERYONE
from pipelines.reach.intervals import Z
from pipelines.reach.rule_engine import Row

Key = tuple[str, str]
Place = tuple[str, str | None]  # measure and community, None for the account as a whole


@dataclass(frozen=True)
class Signature:
    """The people whom exactly these accounts reach: how many are expected, and the variance of that."""

    accounts: frozenset[str]
    people: float
    variance: float


# By platform and community, everyone among them.
Signatures = Mapping[tuple[str, str], Sequence[Signature]]


@dataclass(frozen=True)
class Target:
    """The account that people are sent to, and what is known of it; all None where nobody is sent anywhere."""

    platform: str | None
    account_id: str | None
    reason: str | None


NOBODY_LEFT = Target(None, None, "No account of ours that stays is known to reach any of them.")


def signatures_of(rows: pl.DataFrame) -> Signatures:
    """Group `mart.reach_signature`: how many active people exactly each set of accounts reaches, by community."""
    is_asked = (pl.col("basis") == "active") & (pl.col("account_ids").list.len() > 0)
    found: dict[tuple[str, str], list[Signature]] = {}
    for platform, segment_id, account_ids, people, variance in (
        rows.filter(is_asked)
        .select("platform", "segment_id", "account_ids", "people", "people_variance")
        .sort("platform", "segment_id", pl.col("account_ids").list.join("\n"))
        .iter_rows()
    ):
        signature = Signature(frozenset(account_ids), float(people), float(variance or 0))
        found.setdefault((platform, segment_id), []).append(signature)
    return found


def together(facts: Mapping[Place, Row], signatures: Signatures, key: Key, before: Sequence[Key]) -> dict[Place, Row]:
    """Give an account's evidence with the losses of closing it together with the accounts before it.

    Lost people and shares are those of all of them; overlap and alone are against what stays. Others are as they were.
    """
    closing = {key[1], *(account_id for _, account_id in before)}
    changed = dict(facts)
    for (measure, segment_id), row in facts.items():
        if measure in COUNTED_TOGETHER and row["value"] is not None:
            sets = signatures.get((key[0], segment_id or EVERYONE), ())
            changed[measure, segment_id] = row | COUNTED_TOGETHER[measure](sets, key[1], closing)
    return changed


def _lost_people(sets: Sequence[Signature], account_id: str, closing: set[str]) -> Row:
    """Who is lost is reached by closing accounts only; the sum of many who belong or do not is about normal."""
    gone = [one for one in sets if one.accounts <= closing]
    lost = sum(one.people for one in gone)
    error = Z * math.sqrt(sum(one.variance for one in gone))
    net = sum(one.people for one in sets)
    return {"value": lost, "value_lo": max(0.0, lost - error), "value_hi": min(net, lost + error)}


def _lost_share(sets: Sequence[Signature], account_id: str, closing: set[str]) -> Row:
    net = sum(one.people for one in sets)
    lost = _lost_people(sets, account_id, closing)
    return {name: value / net for name, value in lost.items()} if net else {}


def _overlap_of_base(sets: Sequence[Signature], account_id: str, closing: set[str]) -> Row:
    base = sum(one.people for one in sets if account_id in one.accounts)
    shared = _shared(sets, account_id, closing)
    return {"value": max(shared.values(), default=0.0) / base if base else None}


def _alone_share(sets: Sequence[Signature], account_id: str, closing: set[str]) -> Row:
    reached = [one for one in sets if account_id in one.accounts]
    base = sum(one.people for one in reached)
    alone = sum(one.people for one in reached if one.accounts <= closing)
    return {"value": alone / base if base else None}


COUNTED_TOGETHER = {
    "lost_people": _lost_people,
    "lost_share": _lost_share,
    "overlap_of_base": _overlap_of_base,
    "alone_share": _alone_share,
}


@dataclass(frozen=True)
class Stay:
    """The accounts that stay, and the names that sentences use."""

    accounts: Sequence[Key]
    names: Mapping[Key, str]

    def name(self, key: Key) -> str:
        return self.names.get(key, key[1])


def target(signatures: Signatures, key: Key, segment_id: str | None, stay: Stay) -> Target:
    """Choose where to send people: on the platform the staying account that has most of them already.

    Where none has any, the staying account of ours elsewhere that reaches most of the community, as a suggestion
    only: nobody is matched between platforms. Of equals the first id.
    """
    for where in (segment_id or EVERYONE, EVERYONE):
        best = _best_here(signatures.get((key[0], where), ()), key, stay)
        if best:
            of_whom = "its active people" if where == EVERYONE else "its active people of this community"
            reason = (
                f"{stay.name(best)} has more of {of_whom} already than any other account that stays: ask the rest to "
                "follow it."
            )
            return Target(*best, reason)
    best = _best_elsewhere(signatures, segment_id or EVERYONE, key, stay)
    if best is None:
        return NOBODY_LEFT
    reason = (
        f"A suggestion only: on {best[0]}, {stay.name(best)} reaches most of the community there. "
        "Nobody is matched between platforms, so who would follow is not known."
    )
    return Target(*best, reason)


def _best_here(sets: Sequence[Signature], key: Key, stay: Stay) -> Key | None:
    """Find the staying account of the same platform that shares most people with the one that goes."""
    shared = _shared(sets, key[1], {key[1]})
    able = [one for one in stay.accounts if one[0] == key[0] and shared.get(one[1], 0.0) > 0]
    return min(able, key=lambda one: (-shared[one[1]], one), default=None)


def _best_elsewhere(signatures: Signatures, segment_id: str, key: Key, stay: Stay) -> Key | None:
    """Find the staying account of another platform that reaches most of the community there."""
    reach = {
        one: sum(each.people for each in signatures.get((one[0], segment_id), ()) if one[1] in each.accounts)
        for one in stay.accounts
        if one[0] != key[0]
    }
    able = [one for one, people in reach.items() if people > 0]
    return min(able, key=lambda one: (-reach[one], one), default=None)


def _shared(sets: Sequence[Signature], account_id: str, closing: set[str]) -> dict[str, float]:
    """How many of an account's people each account that stays reaches as well."""
    shared: dict[str, float] = {}
    for one in sets:
        if account_id in one.accounts:
            for other in one.accounts - closing:
                shared[other] = shared.get(other, 0.0) + one.people
    return shared
