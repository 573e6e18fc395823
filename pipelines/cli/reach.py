"""The command line's questions on closing accounts: `what-if` and `keep`."""

import csv
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import duckdb
import polars as pl
import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from pipelines.analysis.account_name import Named, open_accounts, resolve
from pipelines.analysis.reach_cover import read_cover
from pipelines.analysis.what_if import BANDS, BASES, VISITORS, totals, what_if, who_else
from pipelines.cli.screen import Screen
from pipelines.common.errors import PublishError, RefError, SettingsError
from pipelines.common.settings import from_environment
from pipelines.reach import keep as keeping
from pipelines.reach.coverage_matrix import EVERYONE, Cover
from pipelines.reach.heuristics import MOST_FOR_EVERY_SUBSET
from pipelines.warehouse import publish

screen = Screen()
AT_LEAST = 0.9
HEADINGS = {"follower": "followers", "active": "active", "engaged": "engaged"}
PEOPLE = {"follower": "followers", "active": "active people", "engaged": "engaged people"}
FALL_BACK = ("active", "follower", "engaged")
COST_COLUMNS = ("account", "cost")
Accounts = Annotated[list[str] | None, typer.Option(help="platform:account_id or platform:handle; again for more.")]


def ask_what_if(close: Accounts = None, critical_only: Accounts = None) -> None:
    """Show who is lost if accounts close, by segment and home, and which accounts reach the rest; changes nothing."""
    if not close and not critical_only:
        raise SettingsError("what-if", "names no account", hint="--close x:handle, or --critical-only x:handle")
    with _snapshot() as con:
        accounts = open_accounts(con)
        closed, cut_back = resolve(close or (), accounts), resolve(critical_only or (), accounts)
        refs = [one.ref for one in closed], [one.ref for one in cut_back]
        rows, others = what_if(con, *refs), who_else(con, *refs)
    platforms = sorted({one.platform for one in (*closed, *cut_back)})
    changes = [f"{verb} {', '.join(one.label for one in found)}" for verb, found in
            (("close", closed), ("critical updates only on", cut_back)) if found]  # fmt: skip
    screen.print(escape(f"What if we {' and '.join(changes)}?"), soft_wrap=True)
    for platform in platforms:
        here = rows.filter(platform=platform)
        screen.print(_lost(platform, here))
        if here["home_band"].n_unique() > 1:
            screen.print(_by_home(platform, here))
        if (kept := others.filter(platform=platform)).height:
            screen.print(_kept_by(platform, kept, accounts))
    reasons = rows["lost_reason"].drop_nulls().unique().sort().to_list()
    for reason in reasons:
        screen.print(f"Incomplete: {reason}", soft_wrap=True, markup=False)
    if len(platforms) > 1:
        screen.print("People are not matched between platforms: a sum counts a person on two platforms twice.")


def _measured_basis(rows: pl.DataFrame) -> str:
    """The basis of tables that show one: active, or the first that is measured where nobody knows who is active."""
    measured = set(rows.filter(pl.col("reach_people").is_not_null())["basis"])
    return next((basis for basis in FALL_BACK if basis in measured), "active")


def _lost(platform: str, rows: pl.DataFrame) -> Table:
    """Lay out segments by bases: people lost of those reached, and people lost only by closing all of them."""
    basis = _measured_basis(rows)
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


def _by_home(platform: str, rows: pl.DataFrame) -> Table:
    basis = _measured_basis(rows)
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


def _kept_by(platform: str, rows: pl.DataFrame, accounts: Iterable[Named]) -> Table:
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
    seconds: Annotated[float, typer.Option(help="Time limit of the search, in seconds.")] = keeping.SECONDS,
) -> None:
    """Find the fewest or cheapest accounts that keep every segment's reach, or the most reach for a limit."""
    counted, known, mine, cover = _candidates(basis, platform)
    has_limit = budget is not None or accounts is not None
    least = at_least if at_least is not None else (0.0 if has_limit else AT_LEAST)
    wish = keeping.Wish(
        aim="cheapest" if not has_limit else "worst" if worst_first else "reach",
        floors=keeping.floors_for(cover, least, dict(_floor(one) for one in segment or ())),
        must_keep=_measured(resolve(must_keep or (), mine), cover),
        must_close=_measured(resolve(must_close or (), mine), cover),
        costs=read_costs(cost, known) if cost else None,
        budget=budget,
        n_accounts=accounts,
    )
    choice = keeping.keep(cover, wish, seconds, _n_bootstraps(cover) if bootstraps is None else bootstraps)
    screen.print(_chosen(choice, {one.ref: one for one in known}, wish, cover))
    screen.print(_kept(choice, wish))
    for line in _notes(choice, wish, cover, [one for one in mine if one.ref not in cover.accounts], counted):
        screen.print(line, soft_wrap=True, markup=False)


def _candidates(asked: str | None, platform: str | None) -> tuple[str, list[Named], list[Named], Cover]:
    """Read the open accounts of ours, those of them on the platform, and whom these reach on the basis.

    Without a basis it is active, or where nobody knows who is active, the first that is measured.
    Raises `SettingsError` for an unknown basis, or a platform without an account of ours.
    """
    if asked not in (None, *BASES):
        raise SettingsError(f"--basis {asked}", "is not a basis", known=BASES)
    with _snapshot() as con:
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
    return keeping.BOOTSTRAPS if len(cover.accounts) <= MOST_FOR_EVERY_SUBSET else 0


def read_costs(path: Path, accounts: list[Named]) -> dict[str, float]:
    """Read a file of costs: columns account (as `resolve` takes it) and cost, a number from 0.

    Raises `RefError` with the line where it is unusable, `SettingsError` for an account that is none of ours.
    """
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


def _chosen(choice: keeping.Choice, names: dict[str, Named], wish: keeping.Wish, cover: Cover) -> Table:
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


def _kept(choice: keeping.Choice, wish: keeping.Wish) -> Table:
    table = Table("segment", title="What they keep of each segment's reach of today", box=box.SIMPLE_HEAD)
    for name in ("reached today", "still reached", "share", "floor"):
        table.add_column(name, justify="right")
    for segment in sorted(choice.reach_people, key=lambda one: (one == EVERYONE, one)):
        today, kept, floor = choice.reach_people[segment], choice.kept_people[segment], wish.floors.get(segment, 0.0)
        share = f"{kept / today:.1%}" if today else ""
        table.add_row(segment, _count(today), _count(kept), share, f"{floor:.0%}" if floor else "")
    return table


def _notes(
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


@contextmanager
def _snapshot() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published snapshot to read.

    Raises `PublishError` where there is none, or where it is older than these questions.
    """
    path = from_environment().published / publish.LINK
    if not path.exists():
        raise PublishError(publish.LINK, "is not there", hint="run stillreach nightly, or make demo")
    with duckdb.connect(str(path), read_only=True) as con:
        if not con.execute("SELECT 1 FROM duckdb_functions() WHERE function_name = 'what_if'").fetchone():
            raise PublishError(publish.LINK, "is older than this question", hint="run stillreach nightly")
        yield con
