"""Several exports hold the same post or day: keep the row of the export that was made last."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Sighting(NamedTuple):
    """One row of a drop as one export had it.

    `last_day` is the newest day of that export: exports carry no date of their own, and the one that reaches
    furthest was made last. `figures` are its counts as text, empty where there is none, to break a tie.
    """

    key: tuple[str, ...]
    last_day: datetime.date
    figures: tuple[str, ...]
    row: dict[str, str | None]

    def differs_from(self, other: "Sighting") -> bool:
        """Whether this export had another row; a row whose figures are all missing restates nothing."""
        return self.row != other.row and (any(self.figures) or not self.figures)

    def rank(self) -> tuple[object, ...]:
        # A figure beats a gap; then the later export; at a tie the larger, for figures grow.
        had = any(self.figures)
        counts = tuple(float(figure or -1) for figure in self.figures)
        return had, self.last_day, counts, sorted((name, value or "") for name, value in self.row.items())


def settle(sightings: Iterable[Sighting], noun: str, notes: list[str]) -> list[dict[str, str | None]]:
    """Keep one row per key, in the order of the keys; note how many had other figures before."""
    rivals: dict[tuple[str, ...], list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        rivals[sighting.key].append(sighting)
    best = {key: max(seen, key=Sighting.rank) for key, seen in rivals.items()}
    restated = sum(any(one.differs_from(best[key]) for one in seen) for key, seen in rivals.items())
    if restated:
        notes.append(f"restated: {count(restated, noun)}, the figures of the export that reaches furthest are kept")
    return [best[key].row for key in sorted(best)]


def count(n: int, noun: str) -> str:
    """A number with its noun: `1 row`, `2 rows`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def had_columns(columns: Sequence[str], rows: Sequence[dict[str, str | None]]) -> list[str]:
    """The columns that any row has: a missing column is not an empty one."""
    return [name for name in columns if any(name in row for row in rows)]
