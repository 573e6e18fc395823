"""What closing several accounts loses together, and which account that stays has most of those an account reaches.

Exact sums over `mart.reach_signature`, on the basis `active`; people of two platforms are never matched or added.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from pipelines.reach.rule_engine import Row

Key = tuple[str, str]
EVERYONE = "everyone"
# (platform, community) -> (set of accounts, people, variance), for sets that are not empty.
Signatures = Mapping[tuple[str, str], Sequence[tuple[frozenset[str], float, float]]]


@dataclass(frozen=True)
class Target:
    """The account that people are sent to, and what is known of it; all None where nobody is sent anywhere."""

    platform: str | None
    account_id: str | None
    reason: str | None


def read_signatures(con: duckdb.DuckDBPyConnection) -> Signatures:
    """Read how many people exactly each set of accounts reaches, by platform and community (everyone among them)."""
    found: dict[tuple[str, str], list[tuple[frozenset[str], float, float]]] = {}
    for platform, segment_id, account_ids, people, variance in con.execute(
        "SELECT platform, segment_id, account_ids, people, people_variance FROM mart.reach_signature "
        "WHERE basis = 'active' AND array_length(account_ids) > 0 ORDER BY ALL"
    ).fetchall():
        row = (frozenset(account_ids), float(people), float(variance or 0))
        found.setdefault((platform, segment_id), []).append(row)
    return found


def together(
    facts: Mapping[tuple[str, str | None], Row], signatures: Signatures, key: Key, before: Sequence[Key]
) -> dict[tuple[str, str | None], Row]:
    """Give an account's evidence with the losses of closing it together with the accounts before it.

    Lost people and shares are those of all of them; overlap and alone are against what stays. Others are as they were.
    """
    changed = dict(facts)
    closing = {key[1], *(account_id for _, account_id in before)}
    for (measure, segment_id), row in facts.items():
        rows = signatures.get((key[0], segment_id or EVERYONE), ())
        if measure in ("lost_people", "lost_share") and row["value"] is not None:
            lost = sum(people for ids, people, _ in rows if ids <= closing)
            error = 1.96 * math.sqrt(sum(variance for ids, _, variance in rows if ids <= closing))
            net = sum(people for _, people, _ in rows)
            scale = net if measure == "lost_share" else 1.0
            if scale:
                bounds = (lost, max(0.0, lost - error), min(net, lost + error))
                changed[measure, segment_id] = row | dict(
                    zip(("value", "value_lo", "value_hi"), (one / scale for one in bounds), strict=True)
                )
        elif measure == "overlap_of_base" and row["value"] is not None:
            shared = _shared(rows, key[1], closing)
            base = sum(people for ids, people, _ in rows if key[1] in ids)
            changed[measure, segment_id] = row | {"value": max(shared.values(), default=0.0) / base if base else None}
        elif measure == "alone_share" and row["value"] is not None:
            base = sum(people for ids, people, _ in rows if key[1] in ids)
            alone = sum(people for ids, people, _ in rows if key[1] in ids and ids <= closing)
            changed[measure, segment_id] = row | {"value": alone / base if base else None}
    return changed


def target(
    signatures: Signatures, key: Key, segment_id: str | None, staying: Sequence[Key], names: Mapping[Key, str]
) -> Target:
    """Choose where to send people: on the platform the staying account that has most of them already.

    Where none has any, the staying account of ours elsewhere that reaches most of the community, as a suggestion
    only: nobody is matched between platforms. Of equals the first id.
    """
    segment = segment_id or EVERYONE
    here = {account_id for platform, account_id in staying if platform == key[0]}
    for where in (segment, EVERYONE):
        rows = signatures.get((key[0], where), ())
        shared = {one: n for one, n in _shared(rows, key[1], {key[1]}).items() if one in here and n > 0}
        if shared:
            best = min(shared, key=lambda one: (-shared[one], one))
            of_whom = "its active people" if where == EVERYONE else "its active people of this community"
            name = names.get((key[0], best), best)
            said = f"{name} has more of {of_whom} already than any other account that stays: ask the rest to follow it."
            return Target(key[0], best, said)
    elsewhere = {
        (platform, account_id): sum(
            people for ids, people, _ in signatures.get((platform, segment), ()) if account_id in ids
        )
        for platform, account_id in staying
        if platform != key[0]
    }
    elsewhere = {one: people for one, people in elsewhere.items() if people > 0}
    if not elsewhere:
        return Target(None, None, "No account of ours that stays is known to reach any of them.")
    best_key = min(elsewhere, key=lambda one: (-elsewhere[one], one))
    said = (
        f"A suggestion only: on {best_key[0]}, {names.get(best_key, best_key[1])} reaches most of the community there. "
        "Nobody is matched between platforms, so who would follow is not known."
    )
    return Target(*best_key, said)


def _shared(
    rows: Sequence[tuple[frozenset[str], float, float]], account_id: str, closing: set[str]
) -> dict[str, float]:
    """How many of an account's people each account that stays reaches as well."""
    shared: dict[str, float] = {}
    for ids, people, _ in rows:
        if account_id in ids:
            for other in ids - closing:
                shared[other] = shared.get(other, 0.0) + people
    return shared
