"""The command line's questions on closing accounts: `what-if` and `keep`.

The help imports this module: libraries that are slow to import are imported by the commands.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from pipelines.cli.screen import prints_tables, screen
from pipelines.common.errors import RefError, SettingsError
from pipelines.common.settings import from_environment

if TYPE_CHECKING:
    from pipelines.analysis.account_name import Named
    from pipelines.reach.coverage_matrix import Cover

AT_LEAST = 0.9
SEARCH_SECONDS = 10.0
COST_COLUMNS = ("account", "cost")
Accounts = Annotated[list[str] | None, typer.Option(help="platform:account_id or platform:handle; again for more.")]


@prints_tables
def ask_what_if(close: Accounts = None, critical_only: Accounts = None) -> None:
    """Show who is lost if accounts close, by segment and home, and which accounts reach the rest; changes nothing."""
    from pipelines.analysis.account_name import open_accounts, resolve
    from pipelines.analysis.what_if import what_if, who_else
    from pipelines.cli import reach_tables
    from pipelines.cli.snapshot import published_with_macros

    if not close and not critical_only:
        raise SettingsError("what-if", "names no account", hint="--close x:handle, or --critical-only x:handle")
    with published_with_macros(from_environment()) as con:
        accounts = open_accounts(con)
        closed, cut_back = resolve(close or (), accounts), resolve(critical_only or (), accounts)
        refs = [one.ref for one in closed], [one.ref for one in cut_back]
        rows, others = what_if(con, *refs), who_else(con, *refs)
    platforms = sorted({one.platform for one in (*closed, *cut_back)})
    changes = [f"{verb} {', '.join(one.label for one in found)}" for verb, found in
            (("close", closed), ("critical updates only on", cut_back)) if found]  # fmt: skip
    screen.print(escape(f"What if we {' and '.join(changes)}?"), soft_wrap=True)
    screen.rows("lost", rows)
    screen.rows("still_reached", others)
    for platform in platforms:
        here = rows.filter(platform=platform)
        screen.print(reach_tables.lost(platform, here))
        if here["home_band"].n_unique() > 1:
            screen.print(reach_tables.by_home(platform, here))
        if (kept := others.filter(platform=platform)).height:
            screen.print(reach_tables.kept_by(platform, kept, accounts))
    reasons = rows["lost_reason"].drop_nulls().unique().sort().to_list()
    for reason in reasons:
        screen.print(f"Incomplete: {reason}", soft_wrap=True, markup=False)
    if len(platforms) > 1:
        screen.print("People are not matched between platforms: a sum counts a person on two platforms twice.")


@prints_tables
def ask_keep(
    at_least: Annotated[float | None, typer.Option(help="Share of every segment's reach to keep, 0 to 1.")] = None,
    segment: Annotated[list[str] | None, typer.Option(help="The floor of one segment: motorcycle=0.95.")] = None,
    must_keep: Accounts = None,
    must_close: Accounts = None,
    cost: Annotated[
        Path | None, typer.Option(help="A CSV file with columns account and cost; without it each account costs 1.")
    ] = None,
    platform: Annotated[str | None, typer.Option(help="One platform; by default all of them, added up.")] = None,
    basis: Annotated[
        str | None, typer.Option(help="follower, active or engaged; by default active, or what is measured.")
    ] = None,
    budget: Annotated[float | None, typer.Option(help="Find the most weighted reach for at most this cost.")] = None,
    accounts: Annotated[int | None, typer.Option(help="Find the most reach for at most this many accounts.")] = None,
    worst_first: Annotated[
        bool, typer.Option(help="With a limit: maximise the share of the worst-kept segment instead.")
    ] = False,
    bootstraps: Annotated[
        int | None, typer.Option(help="Number of bootstrap draws; by default 200 where there are few accounts, else 0.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Time limit of the search, in seconds.")] = SEARCH_SECONDS,
) -> None:
    """Find the fewest or cheapest accounts that keep every segment's reach, or the most reach for a limit."""
    from pipelines.analysis.account_name import resolve
    from pipelines.cli import reach_tables
    from pipelines.reach import keep as keeping

    counted, known, mine, cover = _candidates(basis, platform)
    has_limit = budget is not None or accounts is not None
    wish = keeping.Wish(
        aim="cheapest" if not has_limit else "worst" if worst_first else "reach",
        floors=keeping.floors_for(cover, _least(at_least, has_limit), dict(_floor(one) for one in segment or ())),
        must_keep=_measured(resolve(must_keep or (), mine), cover),
        must_close=_measured(resolve(must_close or (), mine), cover),
        costs=read_costs(cost, known) if cost else None,
        budget=budget,
        n_accounts=accounts,
    )
    choice = keeping.keep(cover, wish, seconds, _n_bootstraps(cover) if bootstraps is None else bootstraps)
    reach_tables.show_choice(choice, {one.ref: one for one in known}, wish, cover, mine, counted)


def _least(at_least: float | None, has_limit: bool) -> float:
    """The share of every segment's reach to keep: without a limit and a wish, `AT_LEAST`."""
    return at_least if at_least is not None else (0.0 if has_limit else AT_LEAST)


def _candidates(asked: str | None, platform: str | None) -> tuple[str, list[Named], list[Named], Cover]:
    """Read the open accounts of ours, those of them on the platform, and whom these reach on the basis.

    Without a basis it is active, or where nobody knows who is active, the first that is measured.
    Raises `SettingsError` for an unknown basis, or a platform without an account of ours.
    """
    from pipelines.analysis.account_name import open_accounts
    from pipelines.analysis.reach_cover import read_cover
    from pipelines.analysis.what_if import BASES
    from pipelines.cli.reach_tables import FALL_BACK
    from pipelines.cli.snapshot import published_with_macros

    if asked not in (None, *BASES):
        raise SettingsError(f"--basis {asked}", "is not a basis", known=BASES)
    with published_with_macros(from_environment()) as con:
        known = open_accounts(con)
        covers = {basis: read_cover(con, basis, platform) for basis in ((asked,) if asked else FALL_BACK)}
    basis = next((one for one, cover in covers.items() if cover.accounts), asked or "active")
    mine = [one for one in known if platform in (None, one.platform)]
    if platform and not mine:
        raise SettingsError(
            f"--platform {platform}", "has no open account of ours", known=sorted({one.platform for one in known})
        )
    return basis, known, mine, covers[basis]


def _n_bootstraps(cover: Cover) -> int:
    """The number of draws by default: none where each of them would take a search."""
    from pipelines.reach.heuristics import MOST_FOR_EVERY_SUBSET
    from pipelines.reach.keep import BOOTSTRAPS

    return BOOTSTRAPS if len(cover.accounts) <= MOST_FOR_EVERY_SUBSET else 0


def read_costs(path: Path, accounts: list[Named]) -> dict[str, float]:
    """Read a file of costs: columns account (as `resolve` takes it) and cost, a number from 0.

    Raises `RefError` with the line where it is unusable, `SettingsError` for an account that is none of ours.
    """
    from pipelines.analysis.account_name import resolve

    costs: dict[str, float] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source, strict=True)
            if sorted(reader.fieldnames or ()) != sorted(COST_COLUMNS):
                raise RefError(path.name, f"has the columns {', '.join(reader.fieldnames or ())}", known=COST_COLUMNS)
            for row in reader:
                where = f"{path.name} line {reader.line_num}"
                (account,) = resolve([row["account"] or ""], accounts)
                if account.ref in costs:
                    raise RefError(where, f"names {account.shortest_name} a second time")
                costs[account.ref] = _cost(where, row["cost"])
    except FileNotFoundError:
        raise RefError(str(path), "does not exist") from None
    except (csv.Error, UnicodeDecodeError) as failure:
        raise RefError(
            path.name, f"is not a UTF-8 CSV file ({type(failure).__name__})", hint="save it as UTF-8 CSV"
        ) from None
    return costs


def _cost(where: str, text: str | None) -> float:
    try:
        cost = float(text or "")
    except ValueError:
        cost = math.nan
    if not 0 <= cost < math.inf:
        raise RefError(
            where, f"has {text!r} for cost", hint="a number from 0, without a currency sign or thousands separator"
        )
    return cost


def _floor(text: str) -> tuple[str, float]:
    segment, _, share = text.partition("=")
    try:
        return segment, float(share)
    except ValueError:
        raise SettingsError(f"--segment {text}", "is not a floor", hint="motorcycle=0.95") from None


def _measured(found: list[Named], cover: Cover) -> frozenset[str]:
    for one in found:
        if one.ref not in cover.accounts:
            raise SettingsError(one.shortest_name, "has no list of people on this basis, so its reach is not known")
    return frozenset(one.ref for one in found)
