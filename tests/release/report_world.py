"""What the report prints beside the counts of the release, for the small worlds of `worlds.py`.

Sets of accounts, "other sets" and fair shares: figures that no released table holds, each a sum over types of people.
Visitors, people whom none of ours reaches and the rest of the sets are made of released counts alone.
"""

from typing import Any

import numpy as np
import polars as pl

from pipelines.release import disclosure
from pipelines.release.cells import EVERYONE, Cell
from pipelines.release.protect import Rule
from pipelines.release.released_counts import ReleasedCounts
from pipelines.report import as_released, tables
from tests.release.worlds import Kind, Night, types_of

Figure = tuple[np.ndarray, float, float]  # weights (types), and the least and the most that the sum can be


def figures_of(night: Night, how: Rule) -> list[Figure]:
    """Every figure that the report prints of a world and the release does not hold, as an attacker reads it."""
    counts = ReleasedCounts(night.released)
    found: list[Figure] = []
    for segment_id in (EVERYONE, *(f"s{n}" for n in range(night.kind.n_segments))):
        for depth, basis in enumerate(night.kind.bases, 1):
            place = {"segment_id": segment_id, "platform": "x", "basis": basis}
            found += _sets(night, place, depth, counts, how)
            found += _fair_shares(night, place, depth, counts, how)
    return found


def _sets(night: Night, place: dict[str, str], depth: int, counts: ReleasedCounts, how: Rule) -> list[Figure]:
    """The overlap figure: a printed set of accounts, the sets that are pooled, and those whom none reaches."""
    of_segment, reached = _members(night.kind, place["segment_id"], depth)
    accounts = [str(n) for n in range(night.kind.n_accounts)]
    weights, rows = [], []
    for code in range(2**night.kind.n_accounts):
        ids = [one for n, one in enumerate(accounts) if code >> n & 1]
        is_set = of_segment & (reached == [one in ids for one in accounts]).all(axis=1)
        people = int(is_set @ night.of_types)
        if people or not ids:
            weights.append(is_set.astype(float))
            account_people = [int((of_segment & reached[:, int(one)]) @ night.of_types) for one in ids]
            whole = int(of_segment @ night.of_types)
            rows.append(
                place
                | {"account_ids": ids, "people": people, "account_people": account_people, "segment_people": whole}
            )
    shown = as_released.signatures(
        pl.DataFrame(rows, schema_overrides={"account_ids": pl.List(pl.String)}), counts, how.limit
    )
    found, pooled, pool = [], [], 0.0
    for weight, row in zip(weights, shown.to_dicts(), strict=True):
        if not row["account_ids"] and _is_difference(row["people"], place, counts):
            continue
        one = disclosure.people(row["people"], how.limit)
        if one.number is not None:
            # Of one account alone: a cell, whose number the release may have kept from before.
            found += [_rounded(weight, one.number, how)] if len(row["account_ids"]) != 1 else []
        elif row["account_ids"]:
            pooled.append(weight)
            pool += row["people"]
    other = disclosure.people(pool, how.limit) if pooled else None
    if other and other.number is not None:
        found.append(_rounded(np.sum(pooled, axis=0), other.number, how, slack=2 * len(pooled)))
    return found


def _is_difference(people: float, place: dict[str, str], counts: ReleasedCounts) -> bool:
    """Whether a number is made of two released counts: it discloses no more than they do."""
    segment = counts.cells[Cell("segment", place["segment_id"], "x")].number
    reached = counts.cells[Cell("reached", place["segment_id"], "x", basis=place["basis"])].number
    return segment is not None and reached is not None and people == max(0, segment - reached)


def _fair_shares(night: Night, place: dict[str, str], depth: int, counts: ReleasedCounts, how: Rule) -> list[Figure]:
    of_segment, reached = _members(night.kind, place["segment_id"], depth)
    each = reached / np.maximum(reached.sum(axis=1, keepdims=True), 1) * of_segment[:, None]
    found = []
    for account in range(night.kind.n_accounts):
        of_account = of_segment & reached[:, account]
        row: dict[str, Any] = place | {
            "account_id": str(account),
            "reach_people": int(of_account @ night.of_types),
            "exclusive_people": int((of_account & (reached.sum(axis=1) == 1)) @ night.of_types),
            "fair_share_people": float(each[:, account] @ night.of_types),
        }
        row |= dict.fromkeys(("segment_people", "account_people", "everyone_people"))
        shown = row | as_released.reach(row, counts)
        fair = tables.fair_share(shown, how.limit, night.kind.n_accounts)
        if fair.number is not None:
            half = how.limit.step / 2
            found.append((each[:, account], max(fair.number - half, how.limit.suppressed_below), fair.number + half))
    return found


def _members(kind: Kind, segment_id: str, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Which types are of the segment (types), and which account reaches them on the basis (types, accounts)."""
    types = types_of(kind)
    of_segment = np.array([segment_id == EVERYONE or one[0][int(segment_id[1:])] for one in types])
    return of_segment, np.array([[step >= depth for step in one[1]] for one in types])


def _rounded(weights: np.ndarray, number: float, how: Rule, slack: float = 0) -> Figure:
    """A printed count: within half a step of the truth, and of as many as are shown; `slack`: a pool's small sets."""
    half = (how.limit.step - 1) // 2
    return weights, max(number - half, how.limit.suppressed_below), number + half + slack
