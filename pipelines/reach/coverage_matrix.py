"""Sets of accounts and the people they reach, as matrices: what choosing accounts is computed on.

A person counts as reached as long as one of their accounts stays. People with the same accounts are one row, whatever
their segment: a row holds how many people of each segment it stands for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

EVERYONE = "everyone"

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cover:
    """Who is reached by what.

    accounts: A references (`platform:account_id`), sorted; segments: S ids, sorted; reaches: rows x A, whether a row's
    people have the account; people: rows x S, people; n_members: rows x S, how many persons they are the sum of;
    weights: S, policy weights, 0 for everyone. Rows are in the order of their accounts, each set of accounts once.
    """

    accounts: tuple[str, ...]
    segments: tuple[str, ...]
    reaches: Bools
    people: Floats
    n_members: Floats
    weights: Floats

    @property
    def reach(self) -> Floats:
        """People reached today, by segment."""
        total: Floats = self.people.sum(axis=0)
        return total

    def kept(self, chosen: Bools) -> Floats:
        """People still reached by the accounts of a mask over `accounts`, by segment."""
        total: Floats = self.people[self.reaches[:, chosen].any(axis=1)].sum(axis=0)
        return total

    def mask(self, refs: Iterable[str]) -> Bools:
        """Mark the accounts of these references."""
        wanted = frozenset(refs)
        return np.array([one in wanted for one in self.accounts], dtype=bool)

    def refs(self, chosen: Bools) -> tuple[str, ...]:
        """The references of a mask over `accounts`, sorted."""
        return tuple(one for one, is_in in zip(self.accounts, chosen, strict=True) if is_in)


@dataclass(frozen=True)
class CoverTables:
    """The tables that a cover is laid out from, all rows of each.

    `signatures` is `mart.reach_signature` (segment_id, platform, basis, account_ids, people, n_members), `reach` is
    `mart.segment_reach` (segment_id, platform, basis, account_id, reach_people), `segments` is `ref.segment`
    (segment_id, policy_weight).
    """

    signatures: pl.DataFrame
    reach: pl.DataFrame
    segments: pl.DataFrame

    def platforms(self, basis: str) -> list[str]:
        """List the platforms on which a basis is measured."""
        return sorted(set(self.signatures.filter(pl.col("basis") == basis)["platform"]))

    def cover(self, basis: str, platform: str | None = None) -> Cover:
        """Lay out one basis, of one platform or all: nobody is matched between them.

        The accounts are those whose reach is measured on the basis.
        """
        is_asked = pl.col("basis") == basis
        if platform is not None:
            is_asked &= pl.col("platform") == platform
        measured = self.reach.filter(
            is_asked & (pl.col("segment_id") == EVERYONE) & pl.col("reach_people").is_not_null()
        )
        refs = measured.select(pl.col("platform") + ":" + pl.col("account_id")).to_series().to_list()
        weights = self.segments.select("segment_id", pl.col("policy_weight").fill_null(1.0)).iter_rows()
        return cover_of(self.signatures.filter(is_asked), refs, dict(weights))


def cover_of(rows: pl.DataFrame, accounts: Iterable[str], weights: Mapping[str, float]) -> Cover:
    """Lay out rows (segment_id, platform, account_ids, people, n_members) as matrices.

    `accounts` may name some that reach nobody. A segment without a weight counts once, everyone not at all. The order
    of rows, and of accounts in a row, changes nothing, not even the last digit.
    """
    reached = rows.filter(pl.col("account_ids").list.len() > 0).with_row_index("row")
    ties = (
        reached.select("row", "platform", ref="account_ids")
        .explode("ref")
        .select("row", ref=pl.col("platform") + ":" + pl.col("ref"))
        .sort("row", "ref")
    )
    sets = (
        ties.group_by("row", maintain_order=True)
        .agg(pl.col("ref").str.join("\n"))
        .with_columns(set_no=pl.col("ref").rank("dense") - 1)
        .select("row", "set_no")
    )
    refs = tuple(sorted({*accounts, *ties["ref"]}))
    segments = tuple(sorted(set(reached["segment_id"])))
    n_sets = int(sets["set_no"].max() or 0) + 1 if sets.height else 0  # type: ignore[arg-type]
    placed = ties.join(sets, on="row").select(
        "set_no", pl.col("ref").replace_strict(refs, range(len(refs)), return_dtype=pl.Int64)
    )
    reaches = np.zeros((n_sets, len(refs)), dtype=bool)
    reaches[placed["set_no"].to_numpy().astype(np.int64), placed["ref"].to_numpy().astype(np.int64)] = True
    cells = (
        reached.join(sets, on="row")
        .group_by("set_no", "segment_id")
        .agg(pl.col("people", "n_members").sum())
        .with_columns(pl.col("segment_id").replace_strict(segments, range(len(segments)), return_dtype=pl.Int64))
    )
    at = (cells["set_no"].to_numpy().astype(np.int64), cells["segment_id"].to_numpy().astype(np.int64))
    people, n_members = (np.zeros((n_sets, len(segments))) for _ in range(2))
    people[at], n_members[at] = cells["people"].to_numpy(), cells["n_members"].to_numpy()
    counted = np.array([0.0 if one == EVERYONE else float(weights.get(one, 1)) for one in segments])
    return Cover(refs, segments, reaches, people, n_members, counted)


@dataclass(frozen=True)
class Question:
    """A cover without what is settled: accounts that stay or go for certain, and those that another one replaces.

    free: F indices into the cover's accounts; reaches: rows x F, only rows still open, each set once; people and
    n_members: rows x S; base: S, people whom the accounts that stay reach in any case; costs: F; pinned: those that
    stay, over all accounts. Segments that do not matter to the question are incomplete here.
    """

    free: npt.NDArray[np.int64]
    reaches: Bools
    people: Floats
    n_members: Floats
    base: Floats
    costs: Floats
    pinned: Bools

    def chosen(self, picked: Bools) -> Bools:
        """Widen a mask over the free accounts to one over all."""
        mask = self.pinned.copy()
        mask[self.free[picked]] = True
        return mask

    def kept(self, picked: Bools) -> Floats:
        """People still reached by what is pinned and by a mask over the free accounts, by segment."""
        total: Floats = self.base + self.people[self.reaches[:, picked].any(axis=1)].sum(axis=0)
        return total


def reduced(cover: Cover, costs: Floats, must_keep: Bools, must_close: Bools, matters: Bools) -> Question:
    """Leave out what cannot change the best answer; `matters` marks the segments that count.

    Rows that an account which stays reaches are certain, rows without an account left are lost, equal rows are one. An
    account is left out where another, no dearer one reaches everybody it reaches (of two equal ones the later): in any
    set it may be exchanged without losing anybody, so a best set without it exists.
    """
    certain = cover.reaches[:, must_keep].any(axis=1)
    free = np.flatnonzero(~must_keep & ~must_close)
    is_open = ~certain & cover.reaches[:, free].any(axis=1) & (cover.people[:, matters] > 0).any(axis=1)
    reaches = cover.reaches[np.ix_(is_open, free)]
    stays = ~_replaceable(reaches, costs[free])
    merged, (people, n_members) = _merged(reaches[:, stays], cover.people[is_open], cover.n_members[is_open])
    base = cover.people[certain].sum(axis=0)
    return Question(free[stays], merged, people, n_members, base, costs[free[stays]], must_keep)


def _replaceable(reaches: Bools, costs: Floats) -> Bools:
    """Mark accounts of which another reaches everybody at no higher cost, and those that reach nobody."""
    ties = reaches.astype(np.float64)
    shared = ties.T @ ties
    own = np.diag(shared)
    within = shared >= own[:, None]  # everybody whom the row's account reaches, the column's does
    cheaper = costs[None, :] < costs[:, None]
    same = within & within.T & (costs[None, :] == costs[:, None])
    before = np.arange(len(own))[None, :] < np.arange(len(own))[:, None]
    better = within & (cheaper | ((costs[None, :] == costs[:, None]) & (~same | before)))
    np.fill_diagonal(better, False)
    found: Bools = better.any(axis=1) | (own == 0)
    return found


def _merged(reaches: Bools, *people: Floats) -> tuple[Bools, list[Floats]]:
    """Add up the people of equal rows; the rows that are left are sorted."""
    if not reaches.shape[0] or not reaches.shape[1]:
        return reaches[:0], [one[:0] for one in people]
    packed = np.ascontiguousarray(np.packbits(reaches, axis=1))
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    totals = [np.zeros((len(first), one.shape[1])) for one in people]
    for total, one in zip(totals, people, strict=True):
        np.add.at(total, which.ravel(), one)
    return reaches[first], totals
