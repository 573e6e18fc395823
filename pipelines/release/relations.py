"""The laws by which released counts depend on one another, as rows `lo <= sum of coefficient x count <= hi`.

They follow from what the measures mean, so whoever reads the documentation knows them. A person is reached by a set
of accounts; `exclusive` are those whose set is that account alone, `kept` those whose set holds another too. Laws
about the same within one home are left out: they cost ten times the time and closed one cell in a thousand.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from pipelines.release.cells import EVERYONE, Cell

# Everyone who engaged was active.
NESTED_BASES = (("engaged", "active"),)
NESTED = ("reached", "reach", "kept", "home")
# Sums over a segment's accounts, never released: they keep laws of many accounts short.
LONE, SHARED = "exclusive of all", "kept of all"


@dataclass(frozen=True)
class Rows:
    """Linear laws over n counts: `matrix` is (rows, n), `lo` and `hi` (rows)."""

    matrix: sparse.csr_array
    lo: np.ndarray
    hi: np.ndarray


@dataclass(frozen=True)
class Law:
    """One law over cells; `is_equal` where the sum is 0, else it is at least 0."""

    parts: tuple[tuple[float, Cell], ...]
    is_equal: bool = False


def laws(cells: Iterable[Cell]) -> list[Law]:
    """Every law among the cells of a release, with the sums over accounts that are not released."""
    known = set(cells)
    groups = [_Group(group, known) for group in _groups(known, "reach", "account_id").values()]
    found: dict[tuple[tuple[float, Cell], ...], Law] = {}
    for law in _all(known, groups):
        found.setdefault(law.parts, law)
    return list(found.values())


def rows(cells: Sequence[Cell], held: Sequence[Law]) -> Rows:
    """The laws as rows over the cells, (laws, cells)."""
    places = {one: n for n, one in enumerate(cells)}
    numbers = [n for n, law in enumerate(held) for _ in law.parts]
    columns = [places[one] for law in held for _, one in law.parts]
    weights = [weight for law in held for weight, _ in law.parts]
    matrix = sparse.csr_array((weights, (numbers, columns)), shape=(len(held), len(cells)), dtype=float)
    return Rows(matrix, np.zeros(len(held)), np.array([0.0 if law.is_equal else np.inf for law in held]))


def alone(cells: Iterable[Cell]) -> set[Cell]:
    """The `kept` cells that are 0 by nature: no other account of ours is on the platform."""
    return {group[0].of(measure="kept") for group in _groups(cells, "reach", "account_id").values() if len(group) == 1}


def wholes(one: Cell) -> list[Cell]:
    """The cells that a cell is a part of, nearest first; not all need be released."""
    found = []
    if one.measure in ("exclusive", "kept", "home"):
        found.append(one.of(measure="reach", home_band=""))
    if one.measure == "reach":
        found.append(one.of(measure="reached", account_id=""))
    if one.measure in ("reach", "reached"):
        found.append(Cell("segment", one.segment_id, one.platform))
    if one.measure in NESTED:
        found += [one.of(basis=wide) for narrow, wide in NESTED_BASES if one.basis == narrow]
    return [*found, one.of(segment_id=EVERYONE)] if one.segment_id != EVERYONE else found


class _Group:
    """A segment's accounts on one platform and basis."""

    def __init__(self, reach: list[Cell], known: set[Cell]) -> None:
        self.reach = reach
        one = reach[0].of(account_id="")
        self.exclusive = [cell.of(measure="exclusive") for cell in reach]
        self.kept = [cell.of(measure="kept") for cell in reach]
        self.segment = one.of(measure="segment", basis="")
        net = one.of(measure="reached")
        self.net = net if net in known else self.segment
        self.lone, self.shared = one.of(measure=LONE), one.of(measure=SHARED)
        self.is_complete = all(
            cell.of(measure="exclusive") in known and cell.of(measure="kept") in known for cell in reach
        )

    def laws(self) -> Iterator[Law]:
        """Nobody is in two exclusive audiences; whom several accounts reach is kept by each of them."""
        if not self.is_complete:
            return
        for reach, exclusive, kept in zip(self.reach, self.exclusive, self.kept, strict=True):
            yield Law(((1, reach), (-1, exclusive), (-1, kept)), is_equal=True)
            # Beside an account's people, the net reach holds at least the exclusive ones of all others.
            yield Law(((1, self.net), (-1, reach), (-1, self.lone), (1, exclusive)))
            yield Law(((1, self.shared), (-2, kept)))
        yield Law(((1, self.lone), *((-1, one) for one in self.exclusive)), is_equal=True)
        yield Law(((1, self.shared), *((-1, one) for one in self.kept)), is_equal=True)
        if self.net != self.segment:
            yield Law(((1, self.shared), (2, self.lone), (-2, self.net)))


def _all(known: set[Cell], groups: list[_Group]) -> Iterator[Law]:
    own = [law for group in groups for law in group.laws()]
    own = [law for law in own if _is_there(law, known)]
    named = sorted(known | {cell for law in own for _, cell in law.parts})
    there = set(named)
    own += [_part(one, whole) for one in named for whole in wholes(one) if whole in there]
    yield from own
    yield from _homes(known)
    for law in own:
        # What a law leaves over is a count of people too, some of them twice: a segment's is part of everyone's.
        everyone = tuple((weight, one.of(segment_id=EVERYONE)) for weight, one in law.parts)
        is_gap = not law.is_equal and all(one.segment_id != EVERYONE for _, one in law.parts)
        if is_gap and there.issuperset(one for _, one in everyone):
            yield Law((*everyone, *((-weight, one) for weight, one in law.parts)))


def _is_there(law: Law, known: set[Cell]) -> bool:
    return all(one in known or one.measure in (LONE, SHARED) for _, one in law.parts)


def _homes(known: set[Cell]) -> Iterator[Law]:
    """An account's people are the sum of those of each home."""
    for total, homes in _groups(known, "home", "home_band").items():
        whole = total.of(measure="reach")
        if whole in known:
            yield Law(((1, whole), *((-1, home) for home in homes)), is_equal=True)


def _part(part: Cell, whole: Cell) -> Law:
    return Law(((1, whole), (-1, part)))


def _groups(cells: Iterable[Cell], measure: str, over: str) -> dict[Cell, list[Cell]]:
    groups: dict[Cell, list[Cell]] = defaultdict(list)
    for one in sorted(cells):
        if one.measure == measure:
            groups[one.of(**{over: ""})].append(one)
    return groups
