"""Find communities without a definition: accounts followed by the same people, and the people who follow them.

Accounts are near where their followers are the same (cosine of follower sets, beyond chance); near accounts form
communities (Louvain, scikit-network), which start from last night's and change by small moves, so that a community
keeps its id while its edges change. A member belongs to every community of which they follow two accounts and which has
a fair share of their attention (the rule of SimClusters, Satuluri et al., KDD 2020, doi 10.1145/3394486.3403370).
Nothing is added to anybody's segments: what leaves is counts of at least ten people and a draft for a person.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from sknetwork.clustering import Louvain  # type: ignore[import-untyped,unused-ignore]

from pipelines.analysis import keyness
from pipelines.analysis.keyness import Portrait, Refused
from pipelines.common.errors import ModelError

Labels = NDArray[np.int64]
Accounts = frozenset[str]


@dataclass(frozen=True)
class Limits:
    """What decides a community. Shares and cosines are 0-1, the rest are counts.

    `resolution` is modularity's. `reluctance`: last night's communities are joined or cut only where the links
    between them are that share above or below what chance would give. `better_by` is the gain in modularity at
    which a fresh start replaces them altogether.
    """

    least_followers: int = 5
    most_followed: int = 500
    least_shared: int = 2
    neighbours: int = 30
    least_cosine: float = 0.02
    resolution: float = 1.0
    reluctance: float = 0.5
    better_by: float = 0.02
    least_accounts: int = 3
    proofs: int = 2
    least_share: float = 0.1
    least_jaccard: float = 0.3
    least_people: int = keyness.LEAST_PEOPLE
    covered_share: float = 0.5


@dataclass(frozen=True)
class State:
    """What a night hands to the next: which account was in which community. No person is in it.

    `labels` are (platform, account_id, community_id), sorted; `next_numbers` (platform, number), never used yet.
    """

    labels: tuple[tuple[str, str, str], ...] = ()
    next_numbers: tuple[tuple[str, int], ...] = ()

    def to_json(self) -> str:
        """The same state gives the same bytes."""
        return json.dumps({"labels": self.labels, "next_numbers": self.next_numbers}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "State":
        """Read what `to_json` wrote.

        Raises `ModelError` where it is something else.
        """
        try:
            read = json.loads(text)
            labels = [(str(platform), str(account), str(community)) for platform, account, community in read["labels"]]
            numbers = [(str(platform), int(number)) for platform, number in read["next_numbers"]]
        except (ValueError, KeyError, TypeError):
            hint = "without one, communities are numbered afresh"
            raise ModelError("state of the communities", "is not one that we wrote", hint=hint) from None
        return cls(tuple(sorted(labels)), tuple(sorted(numbers)))

    def communities(self, platform: str) -> dict[str, Accounts]:
        """The accounts of each community of a platform, by community id."""
        found: dict[str, set[str]] = {}
        for at, account_id, community_id in self.labels:
            if at == platform:
                found.setdefault(community_id, set()).add(account_id)
        return {community_id: frozenset(found[community_id]) for community_id in sorted(found)}


@dataclass(frozen=True)
class Change:
    """What became of a community since last night.

    kept: the same id. split: a new id, most of whose accounts were in one community (`came_from`). born: any other
    new id. merged: an id that ended, most of whose accounts are now in one community (`went_to`). died: any other.
    A kept or new community names in `came_from` those that merged into it.
    """

    community_id: str
    status: str
    came_from: tuple[str, ...] = ()
    went_to: str | None = None


@dataclass(frozen=True)
class Community:
    """One community tonight; or, without a portrait, one that ended."""

    platform: str
    change: Change
    portrait: Portrait | None = None

    @property
    def community_id(self) -> str:
        return self.change.community_id

    @property
    def status(self) -> str:
        return self.change.status


@dataclass(frozen=True)
class Discovery:
    """NightContext's communities, the largest first within a platform, the ended last; and the state for tomorrow."""

    communities: tuple[Community, ...]
    state: State


@dataclass
class _Night:
    """What one call carries from platform to platform."""

    con: duckdb.DuckDBPyConnection
    last: State
    is_refused: Refused
    limits: Limits
    taken: set[str] = field(default_factory=set)
    labels: list[tuple[str, str, str]] = field(default_factory=list)
    next_numbers: dict[str, int] = field(default_factory=dict)


def discover(
    con: duckdb.DuckDBPyConnection,
    *,
    last: State | None = None,
    platforms: Collection[str] | None = None,
    is_refused: Refused = keyness.nothing_refused,
    limits: Limits | None = None,
) -> Discovery:
    """Find tonight's communities on each platform and say what they are.

    `con` shows core.account, core.follow, core.member, core.segment_membership and stg.member; it is only read, and
    what is kept meanwhile is temporary. The same rows give the same result in any order. Platforms that are not
    asked for keep their state. Raises `ModelError` where a table or column is missing.
    """
    night = _Night(con, last or State(), is_refused, limits or Limits())
    night.next_numbers = dict(night.last.next_numbers)
    night.taken = {"everyone", *keyness.rows(con, "segment")["segment_id"]}
    known = {*keyness.rows(con, "platform")["platform"], *(platform for platform, _, _ in night.last.labels)}
    wanted = sorted(known if platforms is None else known & set(platforms))
    night.labels = [label for label in night.last.labels if label[0] not in wanted]
    try:
        found = [community for platform in wanted for community in _on_platform(night, platform)]
    finally:
        keyness.forget(con)
    return Discovery(tuple(found), State(tuple(sorted(night.labels)), tuple(sorted(night.next_numbers.items()))))


def _on_platform(night: _Night, platform: str) -> list[Community]:
    limits = night.limits
    asked = {"platform": platform, "least_followers": limits.least_followers}
    accounts = keyness.rows(night.con, "account", **asked).sort("account_id").with_row_index("account_number")
    account_ids: list[str] = accounts["account_id"].to_list()
    before = night.last.communities(platform)
    labels = np.full(len(account_ids), -1, dtype=np.int64)
    if account_ids:
        keyness.hand_over(night.con, "account", accounts)
        keyness.keep(night.con, "follow")
        labels = communities_of(_graph(night.con, len(account_ids), limits), _labels_of(account_ids, before), limits)
    found = _large_enough(account_ids, labels, limits.least_accounts)
    first_number = night.next_numbers.get(platform, 1)
    changes, night.next_numbers[platform] = follow_up(before, found, platform, first_number, limits.least_jaccard)
    ended = [Community(platform, change) for change in changes[len(found) :]]
    if not found:
        return ended
    for change, members in zip(changes, found, strict=False):
        night.labels += [(platform, account_id, change.community_id) for account_id in members]
    place = {account_id: number for number, members in enumerate(found) for account_id in members}
    numbers = pl.Series([place.get(account_id, -1) for account_id in account_ids], dtype=pl.Int64)
    weight = (1e6 / pl.col("followers").cast(pl.Float64).sqrt()).round().cast(pl.Int64)
    accounts = accounts.with_columns(community_number=numbers, weight_millionths=weight)
    keyness.hand_over(night.con, "account", accounts)
    keyness.keep(night.con, "community_member", proofs=limits.proofs, least_share=limits.least_share)
    drawn = keyness.portraits(
        night.con,
        platform,
        accounts,
        [change.community_id for change in changes[: len(found)]],
        night.taken,
        keyness.PortraitLimits(night.is_refused, limits.least_people, limits.covered_share),
    )
    tonight = [Community(platform, change, portrait) for change, portrait in zip(changes, drawn, strict=False)]
    return sorted(tonight, key=lambda one: -((one.portrait and one.portrait.people) or 0)) + ended


def _graph(con: duckdb.DuckDBPyConnection, n_accounts: int, limits: Limits) -> sparse.csr_matrix:
    """The symmetric graph of near accounts, (n, n), weights 10 * (cosine beyond chance)^2.

    A link holds if either end has it among its nearest.
    """
    links = keyness.rows(
        con,
        "neighbour",
        most_followed=limits.most_followed,
        least_shared=limits.least_shared,
        least_cosine=limits.least_cosine,
        neighbours=limits.neighbours,
    ).sort("account_number", "neighbour_number")
    ends = (links["account_number"].to_numpy(), links["neighbour_number"].to_numpy())
    weights = 10.0 * links["cosine"].to_numpy() ** 2
    one_way = sparse.csr_matrix((weights, ends), shape=(n_accounts, n_accounts), dtype=np.float64)
    return sparse.csr_matrix(one_way.maximum(one_way.T))


def _labels_of(account_ids: Sequence[str], before: dict[str, Accounts]) -> Labels:
    """Last night's labels in tonight's order, -1 for an account that had none."""
    number = {account_id: n for n, members in enumerate(before.values()) for account_id in members}
    return np.array([number.get(account_id, -1) for account_id in account_ids], dtype=np.int64)


def _large_enough(account_ids: Sequence[str], labels: Labels, least_accounts: int) -> list[Accounts]:
    """The communities of enough accounts, the largest first."""
    members: dict[int, list[str]] = {}
    for account_id, label in zip(account_ids, labels.tolist(), strict=True):
        members.setdefault(label, []).append(account_id)
    kept = [ids for label, ids in members.items() if label >= 0 and len(ids) >= least_accounts]
    return [frozenset(ids) for ids in sorted(kept, key=lambda ids: (-len(ids), min(ids)))]


# --- communities of a graph ------------------------------------------------------------------------------------


def communities_of(graph: sparse.csr_matrix, before: Labels, limits: Limits) -> Labels:
    """Part a graph (n, n) into communities, starting from last night's labels (n,), -1 for none.

    A fresh start is always made too: it shows where a community should be cut. It is taken as a whole where there is
    no night before, or where its modularity is clearly better.
    """
    linked = np.flatnonzero(np.diff(graph.indptr))
    if len(linked) < graph.shape[0]:
        labels = np.full(graph.shape[0], -1, dtype=np.int64)
        if len(linked):
            labels[linked] = communities_of(sparse.csr_matrix(graph[linked][:, linked]), before[linked], limits)
        return labels
    louvain = Louvain(resolution=limits.resolution, tol_optimization=1e-6, tol_aggregation=1e-6, random_state=0)
    fresh = local_moves(graph, np.asarray(louvain.fit_predict(graph), dtype=np.int64), limits.resolution)
    if (before < 0).all():
        return fresh
    alone = before < 0
    labels = before.copy()
    labels[alone] = before.max() + 1 + np.arange(alone.sum())
    labels = local_moves(graph, labels, limits.resolution)
    labels = _cut_and_joined(graph, labels, fresh, limits)
    labels = local_moves(graph, labels, limits.resolution)
    gain = modularity(graph, fresh, limits.resolution) - modularity(graph, labels, limits.resolution)
    return fresh if gain > limits.better_by else labels


def modularity(graph: sparse.csr_matrix, labels: Labels, resolution: float) -> float:
    """Newman's modularity of a partition: sum over communities of e_cc - resolution * a_c^2."""
    between, volume = _between(graph, labels)
    return float(np.trace(between) - resolution * (volume**2).sum())


def _between(graph: sparse.csr_matrix, labels: Labels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of weight between communities (k, k) and share of ends in each (k,), labels being 0..k-1."""
    n, k = len(labels), int(labels.max()) + 1
    member = sparse.csr_matrix((np.ones(n), (np.arange(n), labels)), shape=(n, k))
    between = np.asarray((member.T @ graph @ member).todense()) / graph.sum()
    return between, between.sum(axis=1)


def local_moves(graph: sparse.csr_matrix, labels: Labels, resolution: float, sweeps: int = 50) -> Labels:
    """Move one account at a time to the community where modularity gains most, until none moves.

    Accounts are taken in their order; an account stays where the gain is nil. Returns labels 0..k-1.
    The gain of i joining c is w(i, c) - resolution * k_i * vol(c) / 2m (Blondel et al. 2008).
    """
    labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    degree = np.asarray(graph.sum(axis=1)).ravel()
    volume = np.bincount(labels, degree, minlength=len(labels) + 1)
    scale = resolution / degree.sum()
    for _ in range(sweeps):
        moved = False
        for node in np.flatnonzero(degree):
            span = slice(graph.indptr[node], graph.indptr[node + 1])
            places, at = np.unique(labels[graph.indices[span]], return_inverse=True)
            own = labels[node]
            volume[own] -= degree[node]
            gains = np.bincount(at, graph.data[span]) - scale * degree[node] * volume[places]
            stay = gains[places == own].sum() if own in places else -scale * degree[node] * volume[own]
            best = int(gains.argmax())
            if gains[best] > stay + 1e-12:
                labels[node], moved = places[best], True
            volume[labels[node]] += degree[node]
        if not moved:
            break
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _cut_and_joined(graph: sparse.csr_matrix, labels: Labels, fresh: Labels, limits: Limits) -> Labels:
    """Cut communities where a fresh start does and their parts hold together less than chance; join what belongs.

    Links between parts are compared with what chance gives, resolution * a_c * a_d: parts of one community stay
    together from 1 - reluctance, two communities are joined above 1 + reluctance.
    """
    parts = np.unique(np.stack([labels, fresh], axis=1), axis=0, return_inverse=True)
    pairs, part = parts[0], parts[1].ravel().astype(np.int64)
    was = pairs[:, 0]
    between, volume = _between(graph, part)
    least = np.where(was[:, None] == was[None, :], 1 - limits.reluctance, 1 + limits.reluctance)
    joined = np.arange(len(was))
    while True:
        gain = between - limits.resolution * least * np.outer(volume, volume)
        np.fill_diagonal(gain, 0.0)
        one, other = sorted(divmod(int(gain.argmax()), len(was)))
        if gain[one, other] <= 0:
            return joined[part]
        joined[joined == other] = one
        between[one] += between[other]
        between[:, one] += between[:, other]
        volume[one] += volume[other]
        between[other], between[:, other], volume[other] = 0.0, 0.0, 0.0
        least[one] = np.minimum(least[one], least[other])
        least[:, one] = least[one]


def follow_up(
    before: dict[str, Accounts], found: Sequence[Accounts], platform: str, next_number: int, least_jaccard: float
) -> tuple[list[Change], int]:
    """Give tonight's communities their ids and say what became of last night's.

    Ids are kept by the assignment with the largest sum of Jaccard indices (Kuhn 1955), each at least `least_jaccard`.
    Returns a change per community of `found`, in its order, then one per id that ended; and the next unused number.
    """
    old_ids = sorted(before)
    shared = np.array([[len(before[old] & new) for new in found] for old in old_ids], dtype=np.float64)
    shared = shared.reshape(len(old_ids), len(found))
    old_sizes, new_sizes = np.array([len(before[old]) for old in old_ids]), np.array([len(new) for new in found])
    jaccard = shared / (old_sizes[:, None] + new_sizes[None, :] - shared) if shared.size else shared
    kept = {
        int(new): old_ids[old]
        for old, new in zip(*linear_sum_assignment(-jaccard), strict=True)
        if jaccard[old, new] >= least_jaccard
    }
    ids = {}
    for new in range(len(found)):
        ids[new] = kept.get(new) or f"{platform}_{next_number}"
        next_number += new not in kept
    ended = []
    for old, old_id in enumerate(old_ids):
        if old_id in kept.values():
            continue
        goals = [new for new in range(len(found)) if shared[old, new] > old_sizes[old] / 2]
        change = Change(old_id, "merged", went_to=ids[goals[0]]) if goals else Change(old_id, "died")
        ended.append(change)
    changes = []
    for new in range(len(found)):
        merged = tuple(change.community_id for change in ended if change.went_to == ids[new])
        sources = [old_ids[old] for old in range(len(old_ids)) if shared[old, new] > new_sizes[new] / 2]
        if new in kept:
            changes.append(Change(ids[new], "kept", merged))
        elif sources:
            changes.append(Change(ids[new], "split", tuple(sorted({*sources, *merged}))))
        else:
            changes.append(Change(ids[new], "born", merged))
    return changes + ended, next_number
