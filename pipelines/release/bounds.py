"""How exactly a withheld count can be computed from what is released: the least and the most it can be.

Linear programming by HiGHS (Huangfu & Hall 2018), as an attacker would. Any solution is a world that fits the
release, so one programme bounds many cells at once: where two known worlds are far enough apart in a cell, that
cell needs no programme of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linprog
from scipy.sparse import csgraph

from pipelines.common.errors import ModelError
from pipelines.release.relations import Rows

NEARLY = 1e-6
MIXED_ROUNDS = 8
LESS = 0.8
FAR = 100


@dataclass(frozen=True)
class Knowledge:
    """What is known of n counts: bounds of each (n), and the laws among them."""

    lo: np.ndarray
    hi: np.ndarray
    rows: Rows


@dataclass
class Ranges:
    """The least and the most of each count (n) in the worlds found so far, each of which fits what is known."""

    lo: np.ndarray
    hi: np.ndarray

    def seen(self, part: np.ndarray, world: np.ndarray) -> None:
        """Take note of one more world, which differs in a part (places) of the counts."""
        self.lo[part] = np.minimum(self.lo[part], world)
        self.hi[part] = np.maximum(self.hi[part], world)

    def n_values(self) -> np.ndarray:
        """How many whole numbers lie in each range (n)."""
        return np.floor(self.hi + NEARLY) - np.ceil(self.lo - NEARLY) + 1


def ranges(
    known: Knowledge, wanted: np.ndarray, enough: int, world: np.ndarray, parts: Sequence[np.ndarray] = ()
) -> Ranges:
    """Search for the ranges of the wanted counts (places), each until it holds `enough` whole numbers.

    `world` (n) is any that fits, such as the true one. A wanted range that holds fewer than enough at the end is exact.
    `parts` (places each) are tried first, with all else as in that world: what is open so is open.
    Raises `ModelError` where nothing fits what is known, which is a fault of ours.
    """
    found = Ranges(world.astype(float).copy(), world.astype(float).copy())
    for part in parts:
        is_of_part = np.zeros(len(world), dtype=bool)
        is_of_part[part] = True
        asked = wanted[is_of_part[wanted] & (found.n_values()[wanted] < enough)]
        if len(asked):
            _search(found, _fixed(known, part, world), part, asked, enough)
    _search(found, known, np.arange(len(world)), _still_open(found, wanted, enough), enough)
    return found


def _search(found: Ranges, known: Knowledge, part: np.ndarray, open_: np.ndarray, enough: int) -> None:
    """Widen what is found by worlds in which only a part (places) differs, which is all that is known here."""
    if not len(open_):
        return
    programme = _Programme(known)
    signs = np.random.default_rng(0)
    for turn in range(MIXED_ROUNDS):
        aims = (1.0, -1.0)[turn] if turn < 2 else signs.choice((-1.0, 1.0), len(open_))
        _look(found, programme, part, open_, aims)
        n_before, open_ = len(open_), _still_open(found, open_, enough)
        if not len(open_) or (turn > 1 and len(open_) > LESS * n_before):
            break
    blocks = _blocks(known.rows)[np.searchsorted(part, open_)] if len(open_) else open_
    while len(open_):
        first = np.unique(blocks, return_index=True)[1]
        for sign in (1.0, -1.0):
            _look(found, programme, part, open_[first], sign)
        rest = np.setdiff1d(np.arange(len(open_)), first)
        is_open = found.n_values()[open_[rest]] < enough
        open_, blocks = open_[rest][is_open], blocks[rest][is_open]


def _look(
    found: Ranges, programme: "_Programme", part: np.ndarray, places: np.ndarray, aims: float | np.ndarray
) -> None:
    aim = np.zeros(len(part))
    aim[np.searchsorted(part, places)] = aims
    found.seen(part, programme.most(aim))


def _fixed(known: Knowledge, part: np.ndarray, world: np.ndarray) -> Knowledge:
    """What is known of a part (places, ascending) if all else is as in a world."""
    outside = world.copy()
    outside[part] = 0
    spent = known.rows.matrix @ outside
    inside = known.rows.matrix[:, part]
    says = np.diff(inside.indptr) > 0
    rows = Rows(inside[says], (known.rows.lo - spent)[says], (known.rows.hi - spent)[says])
    return Knowledge(known.lo[part], known.hi[part], rows)


def _blocks(rows: Rows) -> np.ndarray:
    """Number the blocks of counts that laws connect (n): an aim in one block does not change another block."""
    n_rows, n_counts = rows.matrix.shape
    net = sparse.block_array([[None, rows.matrix], [rows.matrix.T, None]], format="csr")
    blocks: np.ndarray = csgraph.connected_components(net, directed=False)[1][n_rows : n_rows + n_counts]
    return blocks


def _still_open(found: Ranges, places: np.ndarray, enough: int) -> np.ndarray:
    left: np.ndarray = places[found.n_values()[places] < enough]
    return left


class _Programme:
    """The same laws for many aims."""

    def __init__(self, known: Knowledge) -> None:
        rows = known.rows
        equal = rows.lo == rows.hi
        above, below = ~equal & np.isfinite(rows.hi), ~equal & np.isfinite(rows.lo)
        self.equal, self.equal_to = rows.matrix[equal], rows.lo[equal]
        self.least = sparse.vstack([rows.matrix[above], -rows.matrix[below]], format="csr")
        self.most_of = np.concatenate([rows.hi[above], -rows.lo[below]])
        self.lo, self.hi = known.lo, known.hi
        self.many = FAR * max(1.0, known.lo.max(), known.hi[np.isfinite(known.hi)].max(initial=0))

    def most(self, aim: np.ndarray) -> np.ndarray:
        """A world (n) in which the aim's weighted sum is largest."""
        # How large a count without a bound may be is nobody's question: what is aimed at is cut far off.
        hi = np.where(aim != 0, np.minimum(self.hi, self.many), self.hi)
        done = linprog(
            -aim,
            A_ub=self.least if self.least.shape[0] else None,
            b_ub=self.most_of if self.least.shape[0] else None,
            A_eq=self.equal if self.equal.shape[0] else None,
            b_eq=self.equal_to if self.equal.shape[0] else None,
            bounds=np.column_stack([self.lo, hi]),
            method="highs",
        )
        if done.x is None:
            raise ModelError("release", f"no world fits what is known (status {done.status})")
        world: np.ndarray = done.x
        return world


def implied(known: Knowledge, place: int) -> list[tuple[float, int]]:
    """The laws (rows) that hold a count, those first which alone leave it the narrowest range."""
    rows = known.rows
    column = rows.matrix[:, [place]].tocoo()
    found = []
    for row, own in zip(column.coords[0], column.data, strict=True):
        start, end = rows.matrix.indptr[row], rows.matrix.indptr[row + 1]
        places, weights = rows.matrix.indices[start:end], rows.matrix.data[start:end]
        others = places != place
        ends = np.stack([weights * known.lo[places], weights * known.hi[places]])[:, others]
        least, most = ends.min(axis=0).sum(), ends.max(axis=0).sum()
        edges = sorted(((rows.lo[row] - most) / own, (rows.hi[row] - least) / own))
        lo, hi = max(edges[0], known.lo[place]), min(edges[1], known.hi[place])
        found.append((hi - lo if math.isfinite(hi - lo) else math.inf, int(row)))
    return sorted(found)
