"""The command line. Exit codes: 0 done, 2 usage, 3 settings or key, 4 delivery, 5 reference data, 6 model,
7 validation stop, 8 nothing landed, 9 publish, 10 busy (try again), 11 refused by a platform, 12 all data too old."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from pipelines import night
from pipelines.cli import closure, pull, quarantine, reach, review, segments
from pipelines.cli.screen import Lines, Screen
from pipelines.common import database
from pipelines.common.errors import ModelError, PublishError, SettingsError, StillreachError
from pipelines.common.query import query
from pipelines.common.settings import Settings, from_environment
from pipelines.landing.file_copy import UNPROVEN
from pipelines.landing.inbox import refused_drops
from pipelines.landing.withdraw import withdraw
from pipelines.warehouse import freshness, pseudonym, publish, runs
from pipelines.warehouse.dictionary import dictionary as data_dictionary

app = typer.Typer(help=__import__("pipelines").__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(segments.app, name="segments")
app.command("explain")(segments.explain)
app.command("what-if")(reach.ask_what_if)
app.command("keep")(reach.ask_keep)
app.command("audit-closure")(closure.audit_closure)
app.command("review")(review.review)
app.command("pull")(pull.pull)
app.command("quarantine")(quarantine.show_quarantine)
screen = Screen()

ACCOUNT_WIDTH = 16
WARNINGS = "SELECT expectation_id, notes FROM meta.validation_result WHERE NOT is_success ORDER BY ALL"
CHANGES_SHOWN = 20
OVERRIDES = "SELECT segment_id, lawful_basis, approved_by FROM ref.segment WHERE approved_by IS NOT NULL ORDER BY ALL"

AllowStale = Annotated[bool, typer.Option(help="Publish even if all data are too old, with a banner on every page.")]
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day, YYYY-MM-DD.")]


@app.command("new-key")
def new_key(if_missing: Annotated[bool, typer.Option(help="Do nothing if a key exists.")] = False) -> None:
    """Create the key that turns platform ids into pseudonyms (mode 0400). Back it up, and never create a second one."""
    settings = from_environment()
    if if_missing and settings.key_file.exists():
        return
    pseudonym.new_key(settings)
    screen.print(f"made {settings.key_file}", soft_wrap=True)


@app.command()
def land(
    path: Annotated[Path, typer.Argument(help="A drop, or an export as downloaded: a folder, or one file.")],
    source: Annotated[str, typer.Option(help="The name of your source, or of a kind of export: x_archive, meta, ...")],
    on: Day,
    account: Annotated[
        str, typer.Option(help="The account of an export: id or handle, if its folder names none.")
    ] = "",
    check: Annotated[bool, typer.Option("--check", help="Check everything as for landing, and land nothing.")] = False,
) -> None:
    """Land a drop: check every file and row, copy and hash it, and make it current for its source and day."""
    done = night.land_drop(path, source, on.date(), account or None, only_check=check)
    screen.print(done.message(), soft_wrap=True)
    for note in done.delivery.notes:
        screen.print(f"  {note}", soft_wrap=True)
    if unproven := [one.name for one in done.delivery.files if one.integrity == UNPROVEN]:
        some = f"{', '.join(unproven[:3])}{' and others' if len(unproven) > 3 else ''}"
        hint = "a sha256 in manifest.json would (docs/EXTRACTS.md)"
        screen.print(f"  nothing proves that {some} arrived as sent: {hint}", soft_wrap=True, highlight=False)


@app.command("withdraw")
def withdraw_delivery(
    source: Annotated[str, typer.Argument(help="The source.")],
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day it was landed for.")],
    reason: Annotated[str, typer.Option(help="Why, without a name of a person.")],
    undo: Annotated[bool, typer.Option("--undo", help="Bring back the delivery withdrawn last.")] = False,
) -> None:
    """Withdraw the current delivery of a source and day: the next night is as if it had never landed."""
    done = withdraw(from_environment(), source, day.date(), reason, undo=undo)
    screen.print(f"{done.delivery_id}: {'withdrawn' if done.is_withdrawn else 'current again'}", highlight=False)


@app.command()
def nightly(
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Today by default.")] = None,
    allow_stale: AllowStale = False,
) -> None:
    """Run one night without Airflow: land the inbox, load, build, validate, publish and report."""
    _run(as_of, replay=False, allow_stale=allow_stale)


@app.command()
def rebuild(
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Today by default.")] = None,
    allow_stale: AllowStale = False,
) -> None:
    """Run a full night: load every landed delivery again instead of starting from an earlier night."""
    _run(as_of, replay=True, allow_stale=allow_stale)


@app.command()
def rollback() -> None:
    """Publish the previous snapshot again."""
    screen.print(f"published: {publish.rollback(from_environment())}")


@app.command()
def status() -> None:
    """Show the published snapshot, recent runs, drops set aside, warnings, what is late, and what changed."""
    settings = from_environment()
    current = publish.current_snapshot(settings)
    screen.print(f"published: {current or 'nothing yet'}")
    screen.print(f"kept: {', '.join(publish.snapshots(settings)) or 'no snapshot'}", soft_wrap=True)
    for record in runs.records(settings)[-5:]:
        reason = f": {record['stopped_reason']}" if record["stopped_reason"] else ""
        screen.print(f"run {record['run_id']} {record['status']}{reason}", soft_wrap=True, markup=False)
    _show_refused(settings)
    if current:
        with _current(settings) as con:
            warned = con.execute(WARNINGS).fetchall()
            partial = con.execute(query("cli/partial_lists")).fetchall()
            absent = con.execute("SELECT source, newest_on FROM meta.source_arrival WHERE NOT is_here").fetchall()
            stale = con.execute(query("report/stale")).fetchall()
            changes = con.execute(query("report/changes")).fetchall()
            banner = freshness.summary(con).banner(runs.as_of_run(current))
        if banner:
            screen.print(banner, style="bold", soft_wrap=True, highlight=False)
        for name, platform, kind, freshness_status, reason in stale:
            screen.print(
                f"{freshness_status} {kind} of {name} ({platform}): {reason}",
                soft_wrap=True,
                markup=False,
                highlight=False,
            )
        for expectation_id, notes in warned:
            screen.print(f"warning {expectation_id}: {notes}", soft_wrap=True, markup=False)
        for source, newest_on in absent:
            screen.print(f"not landed for this night: {source}, newest {newest_on or 'never'}", highlight=False)
        for kind, name, platform, collected, reported, on, reason in partial:
            of = "an unknown number" if reported is None else f"the platform's {reported:,}"
            line = f"partial {kind} list of {name} ({platform}), {on}: {collected:,} of {of}: {reason}"
            screen.print(line, soft_wrap=True, markup=False, highlight=False)
        for *_, what, before, now, reason in changes[:CHANGES_SHOWN]:
            screen.print(f"changed: {what}: {before} -> {now}: {reason}", soft_wrap=True, markup=False, highlight=False)
        if n_more := len(changes[CHANGES_SHOWN:]):
            screen.print(f"changed: {n_more:,} more rows of meta.night_change", highlight=False)


@app.command()
def show(basis: Annotated[str, typer.Option(help="follower, active or engaged.")] = "follower") -> None:
    """Print the reach of each account by segment from the published snapshot, and where its files are."""
    settings = from_environment()
    with _current(settings) as con:
        cells = con.execute(query("cli/reach"), {"basis": basis}).fetchall()
        overrides = con.execute(OVERRIDES).fetchall()
    if not cells:
        raise SettingsError(f"--basis {basis}", "gives no rows", known=("follower", "active", "engaged"))
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


@app.command()
def dictionary() -> None:
    """Print the data dictionary: every published table and column."""
    print(data_dictionary(), end="")


@app.command("demo-world")
def demo_world(
    people: Annotated[int, typer.Option(help="How many members, over all platforms.")] = 20_000,
    seed: Annotated[
        int, typer.Option(help="Seed of the random numbers: another seed gives another county of the same kind.")
    ] = 1,
    days: Annotated[int, typer.Option(help="Number of days; there is one drop a week.")] = 91,
    to: Annotated[Path, typer.Option(help="A new folder.")] = Path("demo"),
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day of the window.")] = datetime(
        2026, 9, 30
    ),
) -> None:
    """Write the drops of a fictional county police force, with the true membership of every person beside them."""
    from pipelines.demo.world import write_demo_world

    write_demo_world(to, people, seed, days, until.date())
    screen.print(f"wrote {to}/drops and {to}/truth", soft_wrap=True)


def main() -> None:
    """Run a command; an error of Stillreach gives a message and an exit code, not a traceback."""
    to_screen = logging.StreamHandler(sys.stderr)
    to_screen.setFormatter(Lines("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[to_screen])
    logging.getLogger("pipelines").setLevel(logging.INFO)
    exit_code = 0
    try:
        with database.with_room("stillreach"), database.without_values(ModelError, "the command"):
            app()
    except StillreachError as failure:
        print(failure.message(), file=sys.stderr)
        exit_code = failure.exit_code
    except SystemExit as done:
        exit_code = done.code if isinstance(done.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)  # DuckDB's client prints pages about "leaked" objects when Python shuts down in order


def _run(as_of: datetime | None, *, replay: bool, allow_stale: bool) -> None:
    day = as_of.date() if as_of else datetime.now(UTC).date()
    run_id = night.run_night(day, replay=replay, allow_stale=allow_stale)
    current = publish.current_snapshot(from_environment())
    screen.print(f"published: {run_id}" + ("" if current == run_id else f" (current stays {current})"))
    _show_refused(from_environment())


def _show_refused(settings: Settings) -> None:
    """Name the drops of the inbox that were not landed: their rows are missing from every number."""
    for drop, refused in refused_drops(settings):
        screen.print(f"set aside, not landed: {drop}: {refused}", soft_wrap=True, markup=False, highlight=False)


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


@contextmanager
def _current(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published snapshot to read.

    Raises `PublishError` where there is none.
    """
    path = settings.published / publish.LINK
    if not path.exists():
        raise PublishError(publish.LINK, "is not there", hint="run stillreach nightly, or make demo")
    con = duckdb.connect(str(path), read_only=True)
    try:
        yield con
    finally:
        con.close()
