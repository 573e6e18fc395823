"""The frontier: how much of each segment's reach the best one, two, three ... accounts keep.

No time limit decides here, since two nights of the same deliveries must give the same table: up to sixteen accounts
every subset is looked at and the answer is proved; beyond that greedy steps with exchanges give it, and the relaxed
programme says by how much it may fall short.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.common.contract import contracts
from pipelines.marts import Inputs
from pipelines.reach import heuristics, milp
from pipelines.reach.coverage_matrix import EVERYONE, Bools, Cover, CoverTables, Floats, Question, reduced
from pipelines.reach.milp import SAME

TABLE = "mart.keep_frontier"
READS = (
    "mart.reach_signature",
    "mart.segment_reach",
    "ref.segment",
)

BASIS = "active"
ALL = "all"


@dataclass(frozen=True)
class Point:
    """The best set of a size: accounts (a mask), its share of weighted reach, and how far the best may be from it."""

    chosen: Bools
    weighted_reach_share: float
    is_optimal: bool
    gap_share: float


def make(inputs: Inputs) -> pl.DataFrame:
    """Make a row per size and segment: each platform apart, and all added up where there are several."""
    tables = CoverTables(
        inputs.read("mart.reach_signature"), inputs.read("mart.segment_reach"), inputs.read("ref.segment")
    )
    covers = {platform: tables.cover(BASIS, platform) for platform in tables.platforms(BASIS)}
    if len(covers) > 1:
        covers[ALL] = tables.cover(BASIS)
    rows = [row for platform, cover in covers.items() for row in _rows(inputs.as_of, platform, cover)]
    names = contracts("mart")["keep_frontier"].column_names
    return pl.DataFrame(rows, schema=dict(zip(names, TYPES, strict=True)), orient="row")


TYPES: tuple[pl.DataType | type[pl.DataType], ...] = (
    pl.Date, pl.String, pl.Int64, pl.String, pl.List(pl.String), pl.Int64, pl.Int64, pl.Float64, pl.Float64,
    pl.Boolean, pl.Float64,
)  # fmt: skip


def frontier_of(cover: Cover) -> list[Point]:
    """The best set of every size, from one account to all of them; adding an account never loses weighted reach.

    Sizes beyond what anybody needs fill up with the accounts that come first.
    """
    weights = _weights(cover)
    if not cover.accounts or not (cover.reach @ weights) > 0:
        return []
    none = np.zeros(len(cover.accounts), dtype=bool)
    question = reduced(cover, np.ones(len(cover.accounts)), none, none, weights > 0)
    n_free = len(question.free)
    found = (
        _exact(question, weights)
        if n_free <= heuristics.MOST_FOR_EVERY_SUBSET
        else _by_steps(question, weights, cover.reach)
    )
    whole = float(cover.reach @ weights)
    points = []
    for n_kept in range(1, len(cover.accounts) + 1):
        picked, value, bound = found[min(n_kept, n_free)]
        gap = max(0.0, bound - value) / whole
        chosen = _filled(question.chosen(picked), n_kept)
        points.append(Point(chosen, value / whole, gap <= SAME, 0.0 if gap <= SAME else gap))
    return points


def _weights(cover: Cover) -> Floats:
    """Policy weights; where no segment counts for anything, everyone does."""
    if cover.weights.any():
        return cover.weights
    return np.array([float(one == EVERYONE) for one in cover.segments])


def _exact(question: Question, weights: Floats) -> list[tuple[Bools, float, float]]:
    """The best subset of every size, the first of equals, with its weighted people: twice, as they are the bound."""
    n_free = len(question.free)
    weighted = heuristics.every_subset(question) @ weights
    subsets = np.arange(1 << n_free)
    bits = ((subsets[:, None] >> np.arange(n_free)) & 1).astype(bool)
    sizes = bits.sum(axis=1)
    best = []
    for size in range(n_free + 1):
        values = np.where(sizes == size, weighted, -np.inf)
        top = values.max()
        ties = subsets[values >= top - SAME * max(1.0, abs(top))].tolist()
        first = min(ties, key=lambda one: tuple(np.flatnonzero(bits[one])))
        best.append((bits[first], float(weighted[first]), float(weighted[first])))
    return best


def _by_steps(question: Question, weights: Floats, reach: Floats) -> list[tuple[Bools, float, float]]:
    """A good subset of every size, its weighted people, and what no subset of that size can exceed."""
    sets = heuristics.greedy_path(question, weights)
    bounds = milp.reach_bounds(question, weights, reach, sets)
    return [
        (picked, float(question.kept(picked) @ weights), float(bound))
        for picked, bound in zip(sets, bounds, strict=True)
    ]


def _filled(chosen: Bools, n_kept: int) -> Bools:
    """Add the first accounts that are not chosen, up to a number: nobody needs them, but they are kept as well."""
    rest = np.flatnonzero(~chosen)[: max(0, n_kept - int(chosen.sum()))]
    filled = chosen.copy()
    filled[rest] = True
    return filled


def _rows(as_of: date, platform: str, cover: Cover) -> Iterator[tuple[object, ...]]:
    """The rows of one platform: a size and a segment each, segments that nobody is reached of left out."""
    reach = cover.reach
    for point in frontier_of(cover):
        kept, refs = cover.kept(point.chosen), list(cover.refs(point.chosen))
        for n, segment in enumerate(cover.segments):
            if reach[n] > 0:
                yield (
                    as_of, platform, len(refs), segment, refs, _whole(kept[n]), _whole(reach[n]), kept[n] / reach[n],
                    point.weighted_reach_share, point.is_optimal, point.gap_share,
                )  # fmt: skip


def _whole(people: float) -> int:
    return int(np.floor(people + 0.5))
