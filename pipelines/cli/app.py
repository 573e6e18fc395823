"""The command line. Exit codes: 0 done, 2 usage, 3 settings or key, 4 delivery, 5 reference data, 6 model,
7 validation stop, 8 nothing landed, 9 publish, 10 busy (try again), 11 refused by a platform, 12 all data too old.

The help imports this module and those of the groups: libraries that are slow to import (DuckDB, polars,
scipy and others) are imported by the commands.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import closure, deployment, published_night, pull, quarantine, reach, review, segments
from pipelines.cli.screen import Lines, screen
from pipelines.common.errors import ModelError, StillreachError
from pipelines.common.settings import from_environment

app = typer.Typer(help=__import__("pipelines").__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(segments.app, name="segments")
app.command("init")(deployment.init)
app.command("doctor")(deployment.doctor)
app.command("demo")(deployment.demo)
app.command("status")(published_night.status)
app.command("show")(published_night.show)
app.command("explain")(segments.explain)
app.command("what-if")(reach.ask_what_if)
app.command("keep")(reach.ask_keep)
app.command("audit-closure")(closure.audit_closure)
app.command("review")(review.review)
app.command("pull")(pull.pull)
app.command("quarantine")(quarantine.show_quarantine)

AllowStale = Annotated[bool, typer.Option(help="Publish even if all data are too old, with a banner on every page.")]
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day, YYYY-MM-DD.")]


def _say_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        print(f"stillreach {version('stillreach')}")
        raise typer.Exit


@app.callback()
def before(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command("new-key")
def new_key(if_missing: Annotated[bool, typer.Option(help="Do nothing if a key exists.")] = False) -> None:
    """Create the key that turns platform ids into pseudonyms (mode 0400). Back it up, and never create a second one."""
    from pipelines.warehouse import pseudonym

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
    from pipelines import night

    done = night.land_drop(path, source, on.date(), account or None, only_check=check)
    screen.print(done.message(), soft_wrap=True)
    for note in done.notes():
        screen.print(f"  {note}", soft_wrap=True, highlight=False)


@app.command("withdraw")
def withdraw_delivery(
    source: Annotated[str, typer.Argument(help="The source.")],
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day it was landed for.")],
    reason: Annotated[str, typer.Option(help="Why, without a name of a person.")],
    undo: Annotated[bool, typer.Option("--undo", help="Bring back the delivery withdrawn last.")] = False,
) -> None:
    """Withdraw the current delivery of a source and day: the next night is as if it had never landed."""
    from pipelines.landing.withdraw import withdraw

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
    from pipelines.warehouse import publish

    screen.print(f"published: {publish.rollback(from_environment())}")


@app.command()
def dictionary() -> None:
    """Print the data dictionary: every published table and column."""
    from pipelines.warehouse.dictionary import dictionary as data_dictionary

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
        with _with_our_errors():
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
    from pipelines import night
    from pipelines.warehouse import publish

    day = as_of.date() if as_of else datetime.now(UTC).date()
    run_id = night.run_night(day, replay=replay, allow_stale=allow_stale)
    current = publish.current_snapshot(from_environment())
    screen.print(f"published: {run_id}" + ("" if current == run_id else f" (current stays {current})"))
    published_night.show_refused(from_environment())


@contextmanager
def _with_our_errors() -> Iterator[None]:
    """Turn what a library raises into an error of ours, without the values that its message quotes."""
    try:
        yield
    except (StillreachError, SystemExit, KeyboardInterrupt):
        raise
    except Exception as failure:
        from pipelines.common import database

        with database.with_room("stillreach"), database.without_values(ModelError, "the command"):
            raise failure
