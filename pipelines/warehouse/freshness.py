"""How old the night's data are: a night of nothing but old data stops, unless somebody allows it."""

from dataclasses import dataclass
from datetime import date

import duckdb

from pipelines.common.errors import StaleDataError
from pipelines.common.query import query


@dataclass(frozen=True)
class Freshness:
    """Of how many pairs of open account and kind of data (`n_kinds`) the data are fresh, and how many are too old."""

    n_kinds: int
    n_fresh: int
    n_stale: int
    newest_on: date | None

    @property
    def is_all_stale(self) -> bool:
        """Whether something came once, and all of it is too old to answer with."""
        return self.n_stale > 0 and self.n_fresh == 0

    def banner(self, as_of: date) -> str | None:
        """Give the sentence that stands on every page of a night without fresh data; None for other nights."""
        if not self.is_all_stale or self.newest_on is None:
            return None
        age = (as_of - self.newest_on).days
        return f"Old data: the newest are of {self.newest_on:%-d %B %Y}, {age} days before this night"


def summary(con: duckdb.DuckDBPyConnection) -> Freshness:
    """Count the rows of `meta.freshness` by status."""
    [row] = con.execute(query("warehouse/freshness_summary")).fetchall()
    return Freshness(*row)


def refuse_old(found: Freshness, as_of: date) -> None:
    """Stop a night of nothing but old data.

    Raises `StaleDataError`, which says how old they are.
    """
    if banner := found.banner(as_of):
        raise StaleDataError(
            f"night of {as_of}",
            f"nothing is newer than its rhythm allows. {banner}",
            hint="land newer extracts, or publish what there is with --allow-stale (allow_stale in Airflow)",
        )
