"""Tables and notes of `what-if` and `keep`."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl
from rich import box
from rich.markup import escape
from rich.table import Table

from pipelines.analysis.account_name import Named
from pipelines.analysis.what_if import BANDS, BASES, VISITORS, totals
from pipelines.cli.screen import screen
from pipelines.reach import keep as keeping
from pipelines.reach.coverage_matrix import EVERYONE, Cover

HEADINGS = {"follower": "followers", "active": "active", "engaged": "engaged"}
PEOPLE = {"follower": "followers", "active": "active people", "engaged": "engaged people"}
FALL_BACK = ("active", "follower", "engaged")


def measured_basis(rows: pl.DataFrame) -> str:
    """The basis of tables that show one: active, or the first that is measured where nobody knows who is active."""
    measured = set(rows.filter(pl.col("reach_people").is_not_null())["basis"])
    return next((basis for basis in FALL_BACK if basis in measured), "active")


def lost(platform: str, rows: pl.DataFrame) -> Table:
    """Lay out segments by bases: people lost of those reached, and people lost only by closing all of them."""
    basis = measured_basis(rows)
    table = Table("segment", title=f"Lost on {platform}, of those reached today", box=box.SIMPLE_HEAD)
    for name in (*HEADINGS.values(), "visitors", "only together"):
        table.add_column(name, justify="right")
    by_basis = {(row["segment_id"], row["basis"]): row for row in totals(rows).to_dicts()}
    bases = set(rows.filter(pl.col("reach_people").is_not_null())["basis"])
    away = rows.filter(pl.col("home_band").is_in(VISITORS), basis=basis)
    visitors = {row["segment_id"]: row for row in totals(away).to_dicts()}
    for segment in rows["segment_id"].unique(maintain_order=True):
        cells = [_of(by_basis.get((segment, one))) if one in bases else "not known" for one in BASES]
        together = (by_basis.get((segment, basis)) or {}).get("only_together_people")
        table.add_row(segment, *cells, _of(visitors.get(segment)), _count(together))
    table.caption = (
        f"Visitors: {PEOPLE[basis]} whose home is known and elsewhere. Only together: {PEOPLE[basis]} whom closing all "
        "of them loses and no closure alone. In brackets the 95 % interval from uncertain membership."
    )
    return table


def by_home(platform: str, rows: pl.DataFrame) -> Table:
    basis = measured_basis(rows)
    title = f"Lost on {platform} by home, {HEADINGS[basis]}, of those reached today"
    table = Table("segment", title=title, box=box.SIMPLE_HEAD)
    bands = [band for band in BANDS if band in set(rows["home_band"])]
    for band in bands:
        table.add_column(band, justify="right")
    active = rows.filter(basis=basis)
    cells = {(row["segment_id"], row["home_band"]): row for row in active.to_dicts()}
    for segment in active["segment_id"].unique(maintain_order=True):
        table.add_row(segment, *(_of(cells.get((segment, band)), short=True) for band in bands))
    return table


def kept_by(platform: str, rows: pl.DataFrame, accounts: Iterable[Named]) -> Table:
    """Lay out, by segment, the three accounts that still reach most of the people who are not lost."""
    names = {(one.platform, one.account_id): one.name or one.shortest_name for one in accounts}
    basis = next((one for one in FALL_BACK if one in set(rows["basis"])), "active")
    title = f"Who else still reaches the rest on {platform}, {HEADINGS[basis]}"
    table = Table("segment", title=title, box=box.SIMPLE_HEAD)
    table.add_column("keep us", justify="right")
    table.add_column("of them reached by")
    active = rows.filter(basis=basis)
    for (segment,), found in active.group_by("segment_id", maintain_order=True):
        top = [
            f"{escape(names[platform, row['account_id']])} {_count(row['still_reached_people'])}"
            for row in found.head(3).to_dicts()
        ]
        table.add_row(str(segment), _count(found["rest_people"][0]), ", ".join(top))
    return table


def show_choice(
    choice: keeping.Choice,
    names: dict[str, Named],
    wish: keeping.Wish,
    cover: Cover,
    asked: list[Named],
    basis: str,
) -> None:
    """Print which of the accounts `asked` about to keep, what they keep of each segment, and notes."""
    unmeasured = [one for one in asked if one.ref not in cover.accounts]
    screen.rows("accounts", chosen_rows(choice))
    screen.rows("segments", kept_rows(choice, wish))
    screen.print(chosen(choice, names, wish, cover))
    screen.print(kept(choice, wish))
    for line in notes(choice, wish, cover, unmeasured, basis):
        screen.print(line, soft_wrap=True, markup=False)


def chosen(choice: keeping.Choice, names: dict[str, Named], wish: keeping.Wish, cover: Cover) -> Table:
    title = f"Keep {len(choice.kept)} of {len(cover.accounts)} accounts"
    table = Table("account", "", title=title, box=box.SIMPLE_HEAD)
    if wish.costs is not None:
        table.add_column("cost", justify="right")
    if choice.n_bootstraps:
        table.add_column(f"best in, of {choice.n_bootstraps}", justify="right")
    for verdict, refs in (("keep", choice.kept), ("not needed", choice.closed)):
        for ref in refs:
            pinned = (
                "must be kept" if ref in wish.must_keep else "must be closed" if ref in wish.must_close else verdict
            )
            cells = [escape(names[ref].label) if ref in names else ref, pinned]
            if wish.costs is not None:
                cells.append(f"{wish.costs[ref]:g}")
            if choice.n_bootstraps:
                cells.append(str(choice.n_best[ref]))
            table.add_row(*cells)
    return table


def chosen_rows(choice: keeping.Choice) -> Iterator[dict[str, Any]]:
    """Give a row per account: kept or not, and in how many draws it is in the best set."""
    for refs, is_kept in ((choice.kept, True), (choice.closed, False)):
        for ref in refs:
            n_best = choice.n_best[ref] if choice.n_bootstraps else None
            yield {"account": ref, "is_kept": is_kept, "n_best": n_best, "n_bootstraps": choice.n_bootstraps}


def kept_rows(choice: keeping.Choice, wish: keeping.Wish) -> Iterator[dict[str, Any]]:
    """Give a row per segment: people reached today, people whom the kept accounts reach, and the floor asked for."""
    for segment, today in choice.reach_people.items():
        kept_people, floor = choice.kept_people[segment], wish.floors.get(segment)
        share = kept_people / today if today else None
        yield {"segment_id": segment, "reach_people": today, "kept_people": kept_people, "kept_share": share,
               "floor_share": floor}  # fmt: skip


def kept(choice: keeping.Choice, wish: keeping.Wish) -> Table:
    table = Table("segment", title="What they keep of each segment's reach of today", box=box.SIMPLE_HEAD)
    for name in ("reached today", "still reached", "share", "floor"):
        table.add_column(name, justify="right")
    for segment in sorted(choice.reach_people, key=lambda one: (one == EVERYONE, one)):
        today, kept, floor = choice.reach_people[segment], choice.kept_people[segment], wish.floors.get(segment, 0.0)
        share = f"{kept / today:.1%}" if today else ""
        table.add_row(segment, _count(today), _count(kept), share, f"{floor:.0%}" if floor else "")
    return table


def notes(
    choice: keeping.Choice, wish: keeping.Wish, cover: Cover, unmeasured: list[Named], basis: str
) -> Iterator[str]:
    goal = {
        "cheapest": "fewer accounts" if wish.costs is None else "a lower cost",
        "reach": "more weighted reach within the limit",
        "worst": "a better worst segment within the limit",
    }[wish.aim]
    if choice.is_optimal:
        yield f"Optimal, proved by {choice.found_by}: no other set gives {goal}."
    else:
        yield f"Not proved optimal ({choice.found_by}): {goal} may be possible, by {choice.gap_share:.1%} at most."
    yield f"Of equally good sets, this one keeps the most weighted reach. People are counted on the basis {basis}."
    if basis == "follower":
        yield "Followers need not be active: whoever followed years ago may be long gone."
    if len({one.partition(":")[0] for one in cover.accounts}) > 1:
        yield "Reach is added up over platforms: a person on two platforms counts twice."
    if choice.n_bootstraps:
        yield "Best in: the number of bootstrap draws in which the account is in the best set."
    if unmeasured:
        left = ", ".join(one.label for one in unmeasured)
        yield f"Neither kept nor closed, because their reach is not known: {left}."


def _of(row: dict[str, float | None] | None, *, short: bool = False) -> str:
    """Format a cell: people lost of those reached, and the interval where membership is uncertain."""
    if row is None:
        return ""
    lost, reach, lo, hi = (row[one] for one in ("lost_people", "reach_people", "lost_people_lo", "lost_people_hi"))
    if lost is None:
        return "not known"
    text = f"{_count(lost)} of {_count(reach)}"
    if short or lo is None or hi is None or round(lo) == round(hi):
        return text
    return f"{text} ({_count(lo)} to {_count(hi)})"


def _count(people: float | None) -> str:
    return "" if people is None else f"{math.floor(people + 0.5):,}"
