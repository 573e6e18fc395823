"""Decide cell by cell what is shown: small counts are withheld, others rounded, more withheld where need be.

Two releases must not be subtracted. A number stays what it was until its count has moved away from it, a withheld
count stays withheld until it has clearly risen. How far is "away" differs from cell to cell by a few people, told by
a secret key: whoever knows that exactly one person joined cannot read the count off the night on which it moves.
"""

import hashlib
import hmac
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipelines.common.errors import ModelError, RefError
from pipelines.release import relations
from pipelines.release.bounds import Knowledge, implied, narrowest, ranges
from pipelines.release.cells import FEW, NOT_SHOWN, SHOWN, Cell, Released
from pipelines.release.disclosure import Limits, limits
from pipelines.release.relations import LONE, SHARED, Law, Rows

NOBODY = Released(None, "")
DEEPEST = 5  # engaged home of a segment, of its reach, of everyone's reach, of all reached, of the active
PARTS_OF_KEPT = ("reach", "exclusive")
BY_ACCOUNT_FROM = 4_000
# What is given up first for another count's sake, last what is asked most.
GIVEN_UP_FIRST = ("home", "exclusive", "reach", "reached", "segment")


@dataclass(frozen=True)
class Rule:
    """The limits of counts, from when on a withheld one is shown again, and how open a withheld one must be."""

    limit: Limits
    until: int
    values: int
    key: bytes = field(repr=False)

    @property
    def varies(self) -> int:
        """By how many people at most thresholds differ from cell to cell."""
        return (self.limit.step - 1) // 2

    @property
    def away(self) -> int:
        """A released number is always less than this many people from its count.

        At the least (less twice `varies`) it takes two people to move a number that was rounded only just so.
        """
        return self.limit.step // 2 + 2 + 2 * self.varies

    def draw(self, *names: object) -> int:
        """A number from 0 to twice `varies` that only the key tells; the same for the same names."""
        text = "\x1f".join(("release", *map(str, names)))
        digest = hmac.new(self.key, text.encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:4], "big") % (2 * self.varies + 1)


def rule(bands: Mapping[str, float], key: bytes) -> Rule:
    """Take the rule from the bands.

    Raises `RefError` where a band is no whole number, or contradicts the limits of counts.
    """
    limit = limits(bands)
    until, values = bands["withheld_until_people"], bands["withheld_values_at_least"]
    for name, value, least in (
        ("withheld_until_people", until, limit.suppressed_below),
        ("withheld_values_at_least", values, 2),
    ):
        if value != int(value) or value < least:
            raise RefError("bands.yml", f"{name} is {value:g}", hint=f"a whole number from {least}")
    if values > limit.suppressed_below:
        raise RefError("bands.yml", f"withheld_values_at_least is {values:g}", hint=f"at most {limit.suppressed_below}")
    return Rule(limit, int(until), int(values), key)


def protect(counts: Mapping[Cell, int], last: Mapping[Cell, Released], how: Rule) -> dict[Cell, Released]:
    """Give every cell as it leaves. `last` is what the last release said of it; a cell it lacks is new.

    Raises `ModelError` where no withholding would protect a count.
    """
    return _Release(counts, last, how).protected()


def first_look(one: Cell, count: int, before: Released, how: Rule) -> Released:
    """Show or withhold a cell by its own count alone."""
    below = how.limit.suppressed_below
    # Whom one of two accounts keeps the other keeps: cells that may be one number have one threshold.
    threshold = how.draw("few", *(one.of(account_id="") if one.measure == "kept" else one)) // 2
    if was_few(one, before):
        below = how.until + threshold
    elif before.state in (SHOWN, NOT_SHOWN):
        below += threshold
    if count < below:
        return Released(None, FEW)
    if before.number is not None and abs(count - before.number) < how.away - how.draw("away", *one, before.number):
        return Released(before.number, SHOWN, is_kept=True)
    return Released(math.floor(count / how.limit.step + 0.5) * how.limit.step, SHOWN)


def was_few(one: Cell, before: Released) -> bool:
    """Tell whether a cell was few at the last release; of whom an account keeps that is not told: it may have been."""
    return before.state == FEW or (one.measure == "kept" and before.state == NOT_SHOWN)


def knowledge(
    released: Mapping[Cell, Released], last: Mapping[Cell, Released], how: Rule
) -> dict[Cell, tuple[float, float]]:
    """The least and the most that each count can be for who knows the rules, both releases, and not the key."""
    most: dict[Cell, float] = {}
    for one in released:
        if released[one].state == FEW:
            most[one] = _most_of_few(one, last.get(one, NOBODY), how)
    for _ in range(DEEPEST):  # few for its own count, or because a whole of it is few: nobody can tell which
        for one in most:
            most[one] = max([most[one], *(most[whole] for whole in relations.wholes(one) if whole in most)])
    return {
        one: (0, math.inf) if _is_untold(one, released) else (0, most[one]) if one in most else _told(one, cell, how)
        for one, cell in released.items()
    }


def _is_untold(one: Cell, released: Mapping[Cell, Released]) -> bool:
    """Whom an account keeps is told by its reach and by whom it alone reaches; where one is withheld, by nothing."""
    return one.measure == "kept" and any(released[one.of(measure=part)].state != SHOWN for part in PARTS_OF_KEPT)


def _most_of_few(one: Cell, before: Released, how: Rule) -> int:
    if was_few(one, before):
        return how.until - 1 + how.varies
    return how.limit.suppressed_below - 1 + (how.varies if before.state in (SHOWN, NOT_SHOWN) else 0)


def _told(one: Cell, released: Released, how: Rule) -> tuple[float, float]:
    least, step = how.limit.suppressed_below, how.limit.step
    if released.number is None:
        return 0, math.inf
    if one.measure == "kept":
        return least, math.inf
    if released.is_kept:
        return max(least, released.number - how.away + 1), released.number + how.away - 1
    return max(least, math.ceil(released.number - step / 2)), math.ceil(released.number + step / 2) - 1


class _Release:
    """NightContext's cells on their way out. No law crosses platforms, as nobody is matched between them."""

    def __init__(self, counts: Mapping[Cell, int], last: Mapping[Cell, Released], how: Rule) -> None:
        self.how, self.last = how, last
        self.real = sorted(counts)
        self.before = [last.get(one, NOBODY) for one in self.real]
        self.released = [
            first_look(one, counts[one], before, how) for one, before in zip(self.real, self.before, strict=True)
        ]
        self.by_nature = relations.alone(counts)
        self._withhold_parts_of_few()
        held = relations.laws(counts)
        between = sorted({one for law in held for _, one in law.parts} - set(counts))
        self.cells = self.real + between
        exact = {**counts, **_sums(held, counts)}
        self.counts = np.array([exact[one] for one in self.cells], dtype=float)
        self.rows = _kept_by(self.counts, relations.rows(self.cells, held))
        self.parts = _parts(self.cells)

    def protected(self) -> dict[Cell, Released]:
        """Withhold what must be, and more until every withheld count is open enough."""
        self._keep_back_what_was()
        open_ = self._guarded()
        while len(open_):  # the plainest cases first: one law alone tells
            known = self._known()
            open_ = self._withhold_more(known, open_[narrowest(known)[open_] + 1 < self.how.values])
        open_ = self._guarded()
        while len(open_):
            known = self._known()
            found = ranges(known, open_, self.how.values, self.counts, self.parts)
            # To know less never narrows a range: what is proved stays proved.
            open_ = self._withhold_more(known, open_[found.n_values()[open_] < self.how.values])
        return dict(zip(self.real, self.released, strict=True))

    def _withhold_more(self, known: Knowledge, failed: np.ndarray) -> np.ndarray:
        """Withhold another cell for each that failed, and give the places to look at again."""
        given_up = {self._give_up(known, int(place)) for place in failed}
        for place in given_up:
            self.released[place] = Released(None, NOT_SHOWN)
        return np.array(sorted({*failed.tolist(), *given_up}), dtype=int)

    def _guarded(self) -> np.ndarray:
        withheld = (one.state != SHOWN for one in self.released)
        return np.array(
            [n for n, is_so in enumerate(withheld) if is_so and self.real[n] not in self.by_nature], dtype=int
        )

    def _known(self) -> Knowledge:
        lo, hi = np.zeros(len(self.cells)), np.full(len(self.cells), np.inf)
        known = knowledge(dict(zip(self.real, self.released, strict=True)), self.last, self.how)
        for n, cell in enumerate(self.real):
            lo[n], hi[n] = (0, 0) if cell in self.by_nature else known[cell]
        return Knowledge(lo, hi, self.rows)

    def _withhold_parts_of_few(self) -> None:
        """No part is shown of a whole that is few: thresholds of two cells may differ by a few people."""
        places = {one: n for n, one in enumerate(self.real)}
        for _ in range(DEEPEST):
            for n, one in enumerate(self.real):
                if any(self.released[places[whole]].state == FEW for whole in relations.wholes(one) if whole in places):
                    self.released[n] = Released(None, FEW)

    def _keep_back_what_was(self) -> None:
        """What was withheld for a neighbour's sake stays so while a neighbour is withheld as few."""
        for n, before in enumerate(self.before):
            if before.state == NOT_SHOWN and self.released[n].state == SHOWN and self._has_few_neighbour(n):
                self.released[n] = Released(None, NOT_SHOWN)

    def _has_few_neighbour(self, place: int) -> bool:
        matrix = self.rows.matrix
        equal = [row for row in matrix[:, [place]].tocoo().coords[0] if self.rows.hi[row] < np.inf]
        near = {int(one) for row in equal for one in matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]}
        return any(one < len(self.real) and self.released[one].state == FEW for one in near - {place})

    def _give_up(self, known: Knowledge, place: int) -> int:
        """Choose which shown cell to withhold as well: of the narrowest law, what is asked least and counts least.

        Where a cell's own laws hold nothing more to withhold, those of the cells in them are looked at, and so on.
        Where none does, it is no longer told of the cell itself that it is few, then of those around it.
        """
        for state in (SHOWN, FEW):
            for near in self._around(known, place):
                if able := [n for n in near if self._is_real(n, state)]:
                    return min(able, key=lambda n: (GIVEN_UP_FIRST.index(self.cells[n].measure), self.counts[n], n))
        raise ModelError("release", f"no withholding protects a count of {self.cells[place].measure}")

    def _around(self, known: Knowledge, place: int) -> Iterator[list[int]]:
        """A cell, then those of each law that holds it, the narrowest first, then those of their laws, and so on."""
        matrix = self.rows.matrix
        looked, edge = {place}, [place]
        yield edge
        while edge:
            nearest, edge = edge, []
            for one in nearest:
                for _, row in implied(known, one):
                    near = sorted({int(n) for n in matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]})
                    yield near
                    edge += [n for n in near if n not in looked]
                    looked.update(near)

    def _is_real(self, place: int, state: str) -> bool:
        is_real = place < len(self.real) and self.cells[place].measure != "kept"
        return is_real and self.released[place].state == state


def _parts(cells: Sequence[Cell]) -> list[np.ndarray]:
    """Each account's cells with those that are of no account, on its platform (places): enough to move most counts.

    Only where there are very many: else all at once is as fast.
    """
    if len(cells) <= BY_ACCOUNT_FROM:
        return []
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for n, one in enumerate(cells):
        places[one.platform, one.account_id].append(n)
    return [
        np.array(sorted([*own, *places.get((platform, ""), ())]))
        for (platform, account_id), own in places.items()
        if account_id
    ]


def _sums(held: Sequence[Law], counts: Mapping[Cell, int]) -> dict[Cell, int]:
    """The sums over accounts that are not released themselves."""
    return {
        law.parts[0][1]: sum(counts[one] for _, one in law.parts[1:])
        for law in held
        if law.parts[0][1].measure in (LONE, SHARED) and all(one in counts for _, one in law.parts[1:])
    }


def _kept_by(counts: np.ndarray, rows: Rows) -> Rows:
    """Laws that the counts keep: marts round each expected number by itself, so a law may be off by some people."""
    found = rows.matrix @ counts
    return Rows(rows.matrix, np.minimum(rows.lo, found), np.maximum(rows.hi, found))
