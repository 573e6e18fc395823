"""The command line. Exit codes: 0 done, 2 usage, 3 settings or key, 4 delivery, 5 reference data, 6 model,
7 audit stop, 8 nothing landed, 9 publish, 10 busy (try again)."""

import logging
import os
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import duckdb
import typer
from rich.console import Console
from rich.table import Table

from pipelines import landing, night, pseudonym, publish, reference
from pipelines.errors import DeliveryError, PublishError, StillreachError
from pipelines.settings import Settings, from_environment

app = typer.Typer(help=__import__("pipelines").__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
screen = Console()

Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day, YYYY-MM-DD.")]
X_ANALYTICS = "x_analytics"


@app.command("new-key")
def new_key(if_missing: Annotated[bool, typer.Option(help="Be content if there is one.")] = False) -> None:
    """Make the key that turns platform ids into pseudonyms (mode 0400). Back it up; never make a second one."""
    settings = from_environment()
    if if_missing and settings.key_file.exists():
        return
    pseudonym.new_key(settings)
    screen.print(f"made {settings.key_file}", soft_wrap=True)


@app.command()
def land(
    path: Annotated[Path, typer.Argument(help="A drop: a folder of extract files, or one file.")],
    source: Annotated[str, typer.Option(help="Who delivers: a name of your own, or x_analytics.")],
    on: Day,
    account: Annotated[str, typer.Option(help="For x_analytics: the account the export is of.")] = "",
) -> None:
    """Land a drop: copied, proved whole, hashed, and put in force for its source and day."""
    settings = from_environment()
    done = (
        _land_x_analytics(path, on.date(), account or None, settings)
        if source == X_ANALYTICS
        else landing.land(path, source, on.date(), settings)
    )
    screen.print(done.said(), soft_wrap=True)
    for note in done.delivery.notes:
        screen.print(f"  {note}", soft_wrap=True)


@app.command()
def nightly(as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Today by default.")] = None) -> None:
    """Run one night without Airflow: land the inbox, load, build, audit, publish, report."""
    _run(as_of, replay=False)


@app.command()
def rebuild(as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Today by default.")] = None) -> None:
    """Run a night from nothing: replay every landed delivery, carry nothing forward."""
    _run(as_of, replay=True)


@app.command()
def rollback() -> None:
    """Point the published link at the snapshot before."""
    screen.print(f"published: {publish.rollback(from_environment())}")


@app.command()
def status() -> None:
    """Say what is published, what ran lately, and what the last audit warned of."""
    settings = from_environment()
    current = publish.current_snapshot(settings)
    screen.print(f"published: {current or 'nothing yet'}")
    screen.print(f"kept: {', '.join(publish.snapshots(settings)) or 'no snapshot'}", soft_wrap=True)
    for record in night.records(settings)[-5:]:
        reason = f": {record['stopped_reason']}" if record["stopped_reason"] else ""
        screen.print(f"run {record['run_id']} {record['status']}{reason}", soft_wrap=True, markup=False)
    if current:
        with _current(settings) as con:
            warned = con.execute(
                "SELECT expectation_id, notes FROM meta.validation_result WHERE NOT is_success ORDER BY ALL"
            ).fetchall()
        for expectation_id, notes in warned:
            screen.print(f"warning {expectation_id}: {notes}", soft_wrap=True, markup=False)


@app.command()
def show(segment: Annotated[str, typer.Option(help="One segment only.")] = "") -> None:
    """Print the segment x account table of the published snapshot, and where everything is."""
    settings = from_environment()
    with _current(settings) as con:
        rows = con.execute(
            """
            SELECT as_of, segment_id, platform, coalesce(account.name, account_id), reach_people, exclusive_people,
                coverage_share, reach_reason, data_on
            FROM mart.segment_reach
            INNER JOIN core.account USING (platform, account_id)
            WHERE basis = 'follower' AND ($segment = '' OR segment_id = $segment)
            ORDER BY segment_id, coverage_share DESC NULLS LAST, platform, account_id
            """,
            {"segment": segment},
        ).fetchall()
    if not rows:
        raise PublishError(f"segment {segment!r}", "is not in the published snapshot")
    table = Table(title=f"Who still follows which account, {rows[0][0]} (people, each counted once per platform)")
    for name in ("segment", "platform", "account", "reached", "only here", "coverage", "data of"):
        table.add_column(name, justify="right" if name in ("reached", "only here", "coverage") else "left")
    for n, (_, segment_id, platform, name, reached, only, coverage, reason, data_on) in enumerate(rows):
        ends = n + 1 == len(rows) or rows[n + 1][1] != segment_id
        counts = (f"{reached:,}", f"{only:,}") if reached is not None else (reason, "")
        share = f"{coverage:.1%}" if coverage is not None else ""
        table.add_row(segment_id, platform, name, *counts, share, str(data_on or ""), end_section=ends)
    screen.print(table)
    for what, where in (
        ("snapshot", settings.published / publish.LINK),
        ("report", settings.reports / str(rows[0][0]) / "index.html"),
        ("charts", settings.reports / str(rows[0][0])),
    ):
        screen.print(f"{what}: {where}", soft_wrap=True)


@app.command("demo-world")
def demo_world(
    people: Annotated[int, typer.Option(help="How many members, over all platforms.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Another seed, another county of the same kind.")] = 1,
    days: Annotated[int, typer.Option(help="Length of the window; a drop a week.")] = 91,
    to: Annotated[Path, typer.Option(help="A new folder.")] = Path("demo"),
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day of the window.")] = datetime(2026, 9, 30),
) -> None:
    """Write the drops of a fictional county force, and beside them the truth about who is what."""
    from pipelines.demo_world import write_demo_world

    write_demo_world(to, people, seed, days, until.date())
    screen.print(f"wrote {to}/drops and {to}/truth", soft_wrap=True)


def main() -> None:
    """Run a command; an error of ours is a sentence and an exit code, never a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("pipelines").setLevel(logging.INFO)
    exit_code = 0
    try:
        app()
    except StillreachError as failure:
        print(failure.said(), file=sys.stderr)
        exit_code = failure.exit_code
    except SystemExit as done:
        exit_code = done.code if isinstance(done.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)  # DuckDB's client prints pages about "leaked" objects when Python shuts down in order


def _run(as_of: datetime | None, *, replay: bool) -> None:
    day = as_of.date() if as_of else datetime.now(UTC).date()
    run_id = night.run_night(day, replay=replay)
    current = publish.current_snapshot(from_environment())
    screen.print(f"published: {run_id}" + ("" if current == run_id else f" (current stays {current})"))


def _land_x_analytics(path: Path, on: date, account: str | None, settings: Settings) -> landing.Landed:
    from pipelines.extract import x_analytics

    handles = {
        (one.handle or one.account_id).lower().removeprefix("@"): one.account_id
        for one in reference.read_accounts(settings)
        if one.role == "own" and one.platform == "x"
    }
    with tempfile.TemporaryDirectory() as folder:
        notes = x_analytics.convert(path, Path(folder), handles, on, account)
        if not any(Path(folder).iterdir()):
            raise DeliveryError(path.name, "holds no posts and no days", hint="; ".join(notes))
        return landing.land(Path(folder), X_ANALYTICS, on, settings, notes=notes)


class _current:
    """The published snapshot, open to read."""

    def __init__(self, settings: Settings) -> None:
        self.path = settings.published / publish.LINK
        if not self.path.exists():
            raise PublishError(publish.LINK, "is not there", hint="run stillreach nightly, or make demo")

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        self.con = duckdb.connect(str(self.path), read_only=True)
        return self.con

    def __exit__(self, *_: object) -> None:
        self.con.close()
