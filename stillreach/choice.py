"""Which accounts to keep, as `Night.keep` finds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from pipelines.analysis.account_name import Named, resolve
from pipelines.common.errors import SettingsError
from pipelines.reach.coverage_matrix import EVERYONE, Cover

if TYPE_CHECKING:
    from pipelines.reach import keep as keeping

ACCOUNT_SCHEMA = {
    "platform": pl.String,
    "account_id": pl.String,
    "name": pl.String,
    "is_kept": pl.Boolean,
    "n_best": pl.Int64,
}


@dataclass(frozen=True)
class Choice:
    """A set of accounts to keep.

    `accounts`: platform, account_id, name, is_kept, and n_best: the number of bootstrap draws (of `n_bootstraps`) in
    which the account is in the best set.
    `segments`: segment_id, reach_people today, kept_people whom the kept accounts reach, kept_share (0 to 1), and the
    floor_share asked for; `everyone` is last.
    `is_optimal` says that nothing better exists; else it may be better by `gap_share` (0 to 1) at most.
    People are counted on the `basis`.
    """

    accounts: pl.DataFrame
    segments: pl.DataFrame
    basis: str
    is_optimal: bool
    gap_share: float
    n_bootstraps: int


@dataclass(frozen=True)
class Wanted:
    """What to keep: a share of every segment's reach, other shares by segment, and accounts that are settled."""

    at_least: float
    must_keep: tuple[str, ...] = ()
    must_close: tuple[str, ...] = ()
    floors: Mapping[str, float] = field(default_factory=dict)
    n_bootstraps: int = 0


def choose(
    con: duckdb.DuckDBPyConnection, mine: list[Named], bases: tuple[str, ...], platform: str | None, wanted: Wanted
) -> Choice:
    """Find the fewest accounts on the first of the bases that is measured.

    Raises `SettingsError` where no set is enough, or an account's reach is not known.
    """
    from pipelines.analysis.reach_cover import read_cover  # scipy takes seconds
    from pipelines.reach import keep as keeping

    covers = {basis: read_cover(con, basis, platform) for basis in bases}
    basis = next((one for one, cover in covers.items() if cover.accounts), bases[0])
    cover = covers[basis]
    if not cover.accounts:
        raise SettingsError(f"basis {basis}", "has no account whose people are listed", known=bases)
    wish = keeping.Wish(
        floors=keeping.floors_for(cover, wanted.at_least, wanted.floors),
        must_keep=_measured(wanted.must_keep, mine, cover),
        must_close=_measured(wanted.must_close, mine, cover),
    )
    found = keeping.keep(cover, wish, n_bootstraps=wanted.n_bootstraps)
    return Choice(
        accounts=_accounts(found, {one.ref: one for one in mine}, cover),
        segments=_segments(found, wish),
        basis=basis,
        is_optimal=found.is_optimal,
        gap_share=found.gap_share,
        n_bootstraps=found.n_bootstraps,
    )


def _measured(words: tuple[str, ...], mine: list[Named], cover: Cover) -> frozenset[str]:
    found = resolve(words, mine)
    for one in found:
        if one.ref not in cover.accounts:
            raise SettingsError(one.shortest_name, "has no list of people on this basis, so its reach is not known")
    return frozenset(one.ref for one in found)


def _accounts(found: "keeping.Choice", named: dict[str, Named], cover: Cover) -> pl.DataFrame:
    rows = []
    for ref in sorted(cover.accounts, key=lambda ref: (ref not in found.kept, ref)):
        n_best = found.n_best[ref] if found.n_bootstraps else None
        rows.append((named[ref].platform, named[ref].account_id, named[ref].name, ref in found.kept, n_best))
    return pl.DataFrame(rows, schema=ACCOUNT_SCHEMA, orient="row")


def _segments(found: "keeping.Choice", wish: "keeping.Wish") -> pl.DataFrame:
    rows = []
    for segment_id in sorted(found.reach_people, key=lambda one: (one == EVERYONE, one)):
        today, kept = found.reach_people[segment_id], found.kept_people[segment_id]
        rows.append((segment_id, today, kept, kept / today if today else None, wish.floors.get(segment_id)))
    counts = dict.fromkeys(("reach_people", "kept_people", "kept_share", "floor_share"), pl.Float64)
    return pl.DataFrame(rows, schema={"segment_id": pl.String, **counts}, orient="row")
