"""The command line's `show` and `status`: what the published night says, and how the nights went.

The help imports this module: libraries that are slow to import are imported by the commands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from pipelines.cli.screen import prints_tables, screen
from pipelines.common.errors import SettingsError
from pipelines.common.settings import Settings, from_environment

if TYPE_CHECKING:
    import duckdb

ACCOUNT_WIDTH = 16
WARNINGS = "SELECT expectation_id, notes FROM meta.validation_result WHERE NOT is_success ORDER BY ALL"
ABSENT = "SELECT source, newest_on FROM meta.source_arrival WHERE NOT is_here"
CHANGES_SHOWN = 20
OVERRIDES = "SELECT segment_id, lawful_basis, approved_by FROM ref.segment WHERE approved_by IS NOT NULL ORDER BY ALL"
CELL = ("as_of", "segment_id", "platform", "account_id", "name", "reach_people", "exclusive_people", "reach_reason")


@prints_tables
def status() -> None:
    """Show the published snapshot, recent runs, drops set aside, warnings, what is late, and what changed."""
    from pipelines.cli.snapshot import published
    from pipelines.warehouse import freshness, publish, runs

    settings = from_environment()
    current = publish.current_snapshot(settings)
    kept = publish.snapshots(settings)
    screen.rows("snapshots", [{"snapshot_id": one, "is_published": one == current} for one in kept])
    screen.print(f"published: {current or 'nothing yet'}")
    screen.print(f"kept: {', '.join(kept) or 'no snapshot'}", soft_wrap=True)
    recent = runs.records(settings)[-5:]
    screen.rows("runs", [{name: one[name] for name in ("run_id", "status", "stopped_reason")} for one in recent])
    for record in recent:
        reason = f": {record['stopped_reason']}" if record["stopped_reason"] else ""
        _line(f"run {record['run_id']} {record['status']}{reason}")
    show_refused(settings)
    if current:
        with published(settings) as con:
            banner = freshness.summary(con).banner(runs.as_of_run(current))
            if banner:
                screen.print(banner, style="bold", soft_wrap=True, highlight=False)
            _show_state(con)


def _show_state(con: duckdb.DuckDBPyConnection) -> None:
    """Show what a published night says of its own data: late, warned of, not landed, partial, changed."""
    from pipelines.common.query import query

    for row in _rows(con, "stale", query("report/stale")):
        name, platform, kind, freshness_status, reason = row.values()
        _line(f"{freshness_status} {kind} of {name} ({platform}): {reason}")
    for row in _rows(con, "warnings", WARNINGS):
        _line(f"warning {row['expectation_id']}: {row['notes']}")
    for row in _rows(con, "not_landed", ABSENT):
        _line(f"not landed for this night: {row['source']}, newest {row['newest_on'] or 'never'}")
    for row in _rows(con, "partial_lists", query("cli/partial_lists")):
        kind, name, platform, collected, reported, on, reason = row.values()
        of = "an unknown number" if reported is None else f"the platform's {reported:,}"
        _line(f"partial {kind} list of {name} ({platform}), {on}: {collected:,} of {of}: {reason}")
    changes = _rows(con, "changes", query("report/changes"))
    for row in changes[:CHANGES_SHOWN]:
        *_, what, before, now, reason = row.values()
        _line(f"changed: {what}: {before} -> {now}: {reason}")
    if n_more := len(changes[CHANGES_SHOWN:]):
        _line(f"changed: {n_more:,} more rows of meta.night_change")


def _rows(con: duckdb.DuckDBPyConnection, name: str, sql: str) -> list[dict[str, Any]]:
    """Ask for rows, and give them to `--json` under a name."""
    found = con.execute(sql)
    columns = [column[0] for column in found.description or []]
    rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    screen.rows(name, rows)
    return rows


def _line(text: str) -> None:
    screen.print(text, soft_wrap=True, markup=False, highlight=False)


@prints_tables
def show(basis: Annotated[str, typer.Option(help="follower, active or engaged.")] = "follower") -> None:
    """Print the reach of each account by segment from the published snapshot, and where its files are."""
    from pipelines.cli.snapshot import published
    from pipelines.common.query import query
    from pipelines.warehouse import publish

    settings = from_environment()
    with published(settings) as con:
        cells = con.execute(query("cli/reach"), {"basis": basis}).fetchall()
        overrides = con.execute(OVERRIDES).fetchall()
    if not cells:
        raise SettingsError(f"--basis {basis}", "gives no rows", known=("follower", "active", "engaged"))
    screen.rows("reach", [dict(zip(CELL, cell, strict=True)) for cell in cells])
    for part in _fitting(cells, screen.width):
        screen.print(_matrix(part, basis))
    screen.print(
        "Under each number: how many of them only that account reaches. People are not matched between platforms."
    )
    for segment_id, lawful_basis, approved_by in overrides:
        screen.print(
            f"{segment_id} overrides the policy: {lawful_basis}; approved by {approved_by}",
            soft_wrap=True,
            markup=False,
        )
    as_of = str(cells[0][0])
    report = settings.reports / as_of
    places = {
        "snapshot": settings.published / publish.LINK,
        "report": report / "index.html",
        "review": settings.reports / f"review-{as_of}" / "index.html",
        "release": settings.release / as_of / "index.html",
    }
    for what, where in places.items():
        screen.print(f"{what}: {where}", soft_wrap=True, highlight=False)
    screen.print(f"charts: {report}/*.png, *.svg", soft_wrap=True, highlight=False)


def show_refused(settings: Settings) -> None:
    """Name the drops of the inbox that were not landed: their rows are missing from every number."""
    from pipelines.landing.inbox import refused_drops

    for drop, refused in refused_drops(settings):
        _line(f"set aside, not landed: {drop}: {refused}")


def _fitting(cells: list[tuple[Any, ...]], width: int) -> Iterator[list[tuple[Any, ...]]]:
    """Split the cells by segment into as many tables as a screen of that width needs."""
    parts: list[list[str]] = [[]]
    for segment in dict.fromkeys(cell[1] for cell in cells):
        if parts[-1] and ACCOUNT_WIDTH + sum(max(len(one), 6) + 2 for one in (*parts[-1], segment)) > width:
            parts.append([])
        parts[-1].append(segment)
    for part in parts:
        yield [cell for cell in cells if cell[1] in part]


def _matrix(cells: list[tuple[Any, ...]], basis: str) -> Table:
    """Lay out (as_of, segment, platform, id, account, reached, only here, reason) as accounts by segments."""
    segments = list(dict.fromkeys(cell[1] for cell in cells))
    verb = {
        "follower": "follow",
        "active": "follow and were active in the last 90 days, or engaged with",
        "engaged": "engaged in the last 90 days with",
    }[basis]
    title = f"People who {verb} each account, {cells[0][0]}"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("account", min_width=ACCOUNT_WIDTH)
    for segment in segments:
        table.add_column(segment, justify="right", no_wrap=True)
    rows: dict[tuple[str, str], list[str]] = {}
    for _, _, platform, account_id, name, reached, only, reason in cells:
        cell = reason.replace(" ", "\n", 1) if reached is None else f"{reached:,}\n[dim]{only:,}[/dim]"
        rows.setdefault((platform, account_id), [f"{escape(name)}\n[dim]{platform}[/dim]"]).append(cell)
    for row in rows.values():
        table.add_row(*row)
    return table
