"""Counts as a night's release shows them, for pages that show the same counts: report, review.

Where two pages showed one count in two ways, what one withholds could be computed from the other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from pipelines.release import tables
from pipelines.release.cells import FEW, SHOWN, Cell, Released
from pipelines.release.rules import Leaving

Bounds = tuple[float | None, float | None]
Place = tuple[str, str, str]


@dataclass(frozen=True)
class ReleasedCounts:
    """What the release shows of each cell, and the bounds of those that have any (people).

    A count whose cell no released table holds is given back as it is: the rule of counts alone decides how it is shown.
    """

    cells: Mapping[Cell, Released] = field(default_factory=dict)
    bounds: Mapping[Cell, Bounds] = field(default_factory=dict)

    @classmethod
    def of(cls, frames: Sequence[tuple[Leaving, pl.DataFrame]]) -> "ReleasedCounts":
        """Collect the cells of released tables."""
        cells: dict[Cell, Released] = {}
        bounds: dict[Cell, Bounds] = {}
        for one, frame in frames:
            cells |= dict(tables.read_back(one, frame))
            for row in frame.to_dicts():
                for column, (lower, upper) in one.intervals.items():
                    bounds[one.counts[column].cell(row)] = (row[lower], row[upper])
        return cls(cells, bounds)

    def count(self, cell: Cell, exact: float | None) -> float | None:
        """Give the released number of a count: 0 where it is too small, NaN where it is withheld for another's sake."""
        one = self.cells.get(cell)
        if exact is None or one is None:
            return exact
        if one.number is not None:
            return float(one.number)
        return 0.0 if one.state == FEW else float("nan")

    def interval(self, cell: Cell, exact: Bounds) -> Bounds:
        """Give the released bounds of a count; none where the count is withheld, or is exact but for its rounding."""
        if cell not in self.cells:
            return exact
        return (None, None) if exact[0] == exact[1] else self.bounds.get(cell, (None, None))

    @cached_property
    def n_accounts(self) -> Counter[Place]:
        """How many accounts have a count, by segment, platform and basis."""
        return Counter(cell.place for cell in self.cells if cell.measure == "reach")

    @cached_property
    def withheld_places(self) -> frozenset[Place]:
        """The segments, platforms and bases for which something of whom an account reaches is withheld."""
        return frozenset(
            cell.place
            for cell, one in self.cells.items()
            # Whom one lone account keeps is nobody by nature: that is not withheld.
            if one.state != SHOWN
            and (cell.measure in ("reach", "exclusive") or (cell.measure == "kept" and self.n_accounts[cell.place] > 1))
        )

    @cached_property
    def withheld_homes(self) -> frozenset[Cell]:
        """The reach cells for which a home is withheld of the people reached."""
        return frozenset(
            cell.of(measure="reach", home_band="")
            for cell, one in self.cells.items()
            if cell.measure == "home" and one.state != SHOWN
        )

    def are_shown(self, *cells: Cell) -> bool:
        """Whether the release withholds none of these cells."""
        return all(self.cells[cell].state == SHOWN for cell in cells if cell in self.cells)


# No release: every count is shown by the rule of counts alone.
NO_RELEASE = ReleasedCounts()
