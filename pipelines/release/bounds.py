"""How exactly a withheld count can be computed from what is released: the least and the most it can be.

Linear programming by HiGHS (Huangfu & Hall 2018), as an attacker would. Any solution is a world that fits the
release, so one programme bounds many cells at once: where two known worlds are far enough apart in a cell, that
cell needs no programme of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from pipelines.common.errors import ModelError
from pipelines.release.relations import Rows

NEARLY = 1e-6
MIXED_SHARE = 0.3  # of all open counts, aimed at together
IDLE_ROUNDS = 2  # worlds in a row that widen no open range: the rest are asked one by one
FAR = 100
PRIMAL_SIMPLEX = 4  # HiGHS's number: under another aim the last world stays feasible, where the primal simplex starts


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
    programme = _Programme(known, FAR * max(1.0, found.hi.max(), known.lo.max()))
    draw = np.random.default_rng(0)
    n_idle = 0
    while len(open_) and n_idle < IDLE_ROUNDS:
        # Each world pulls some of the open counts up and others down, and so widens many ranges at once.
        some = open_[draw.random(len(open_)) < MIXED_SHARE]
        _look(found, programme, part, some, draw.choice((-1.0, 1.0), len(some)))
        n_before, open_ = len(open_), _still_open(found, open_, enough)
        n_idle = n_idle + 1 if len(open_) == n_before else 0
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
    """The same laws for many aims: each starts from the world found for the aim before, which still fits."""

    def __init__(self, known: Knowledge, far: float) -> None:
        # How large a count without a bound may be is nobody's question: it is cut at `far`.
        matrix = known.rows.matrix.tocsr()
        n_rows, n_counts = matrix.shape
        model = highspy.HighsLp()
        model.num_row_, model.num_col_ = n_rows, n_counts
        model.sense_ = highspy.ObjSense.kMaximize
        model.col_cost_ = np.zeros(n_counts)
        model.col_lower_, model.col_upper_ = known.lo, np.minimum(known.hi, far)
        model.row_lower_, model.row_upper_ = known.rows.lo, known.rows.hi
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
        model.a_matrix_.value_ = matrix.data.astype(float)
        self.places = np.arange(n_counts, dtype=np.int32)
        self.solver: Any = highspy.Highs()
        self.solver.silent()
        self.solver.setOptionValue("threads", 1)
        self.solver.setOptionValue("simplex_strategy", PRIMAL_SIMPLEX)
        self.solver.passModel(model)

    def most(self, aim: np.ndarray) -> np.ndarray:
        """A world (n) in which the aim's weighted sum is largest."""
        self.solver.changeColsCost(len(self.places), self.places, aim)
        self.solver.run()
        status = self.solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise ModelError("release", f"no world fits what is known (status {status.name})")
        world: np.ndarray = np.array(self.solver.getSolution().col_value)
        return world


def narrowest(known: Knowledge) -> np.ndarray:
    """The width of the range that the narrowest law alone leaves each count (n)."""
    entries = known.rows.matrix.tocoo()
    row, place, weight = entries.coords[0], entries.coords[1], entries.data
    ends = np.sort(np.stack([weight * known.lo[place], weight * known.hi[place]]), axis=0)
    least, most = (_rest_of_row(one, row, known.rows.matrix.shape[0]) for one in ends)
    edges = np.sort(np.stack([(known.rows.lo[row] - most) / weight, (known.rows.hi[row] - least) / weight]), axis=0)
    width: np.ndarray = known.hi - known.lo
    np.minimum.at(width, place, np.minimum(edges[1], known.hi[place]) - np.maximum(edges[0], known.lo[place]))
    return width


def _rest_of_row(values: np.ndarray, row: np.ndarray, n_rows: int) -> np.ndarray:
    """For each entry of a matrix the sum of the other entries of its row, infinite where one of them is."""
    is_infinite = np.isinf(values)
    finite = np.where(is_infinite, 0.0, values)
    n_infinite = np.bincount(row, is_infinite, n_rows)[row] - is_infinite
    sign = np.sign(values[is_infinite][0]) if is_infinite.any() else 1.0
    return np.where(n_infinite > 0, sign * np.inf, np.bincount(row, finite, n_rows)[row] - finite)


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
