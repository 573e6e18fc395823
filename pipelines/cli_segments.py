"""The command line's `segments` group: check, try, why; and `explain`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import duckdb
import polars as pl
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from pipelines import publish
from pipelines.segments import definition, examples, history, questions, trial
from pipelines.segments.rule import leaves
from pipelines.settings import Settings, from_environment

app = typer.Typer(help="Definitions of segments: check them, try a draft, ask why a size moved.", no_args_is_help=True)
screen = Console()


@app.command()
def check() -> None:
    """Check every definition: its examples, and what each rule hits in the published night."""
    settings = from_environment()
    known = definition.read_known(settings)
    definitions = definition.read_definitions(settings, known)
    history.compiled(definitions)
    ran = examples.run_examples(settings, definitions, known)
    tried = {}
    if publish.current_snapshot(settings):
        tried = {(one.segment_id, one.rule_id): one for one in trial.time_rules(settings, definitions, known)}
    for one in definitions:
        screen.print(_checked(one, [each for each in ran if each.segment_id == one.segment_id], tried))
    examples.check_examples(definitions, ran)
    screen.print(f"{len(definitions)} definitions, {len(ran)} examples: as they must be")


@app.command("try")
def try_(path: Annotated[Path, typer.Argument(help="A definition, <segment_id>.yml.")]) -> None:
    """Try a draft on the published night: size, rules, overlaps, accounts that reach it; nothing is kept."""
    settings = from_environment()
    known = definition.read_known(settings)
    definitions = definition.read_definitions(settings, known)
    done = trial.try_draft(settings, path, definitions, known)
    for title, frame in (
        ("Size", done.size),
        ("Rules", done.rules),
        ("Overlap with other segments", done.overlap),
        ("Accounts that reach it", done.reach.drop("account_id")),
    ):
        screen.print(_table(title, frame))
    screen.print(_ran(done.ran))
    screen.print(f"{done.definition.segment_id}: tried in {done.seconds:.1f} s; nothing was kept")


@app.command()
def why(
    segment_id: Annotated[str, typer.Argument(help="A segment.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="A day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="A later one.")],
) -> None:
    """Split a segment's change of size into people, rule edits, extracts and re-audits; the parts add up."""
    settings = from_environment()
    with duckdb.connect(str(_link(settings)), read_only=True) as con:
        split = questions.changes(con, segment_id, first.date(), last.date())
    screen.print(_table(f"{segment_id}, end of {first.date()} to end of {last.date()}", split))


def explain(
    segment_id: Annotated[str, typer.Argument(help="A segment.")],
    member_key: Annotated[str, typer.Argument(help="A pseudonymous key of the published night.")],
) -> None:
    """Say why one pseudonymous member is in a segment; needs the restricted work files."""
    settings = from_environment()
    told = questions.explain(settings, trial.current(settings), segment_id, _key(member_key))
    for title, frame in (("Rules", told.rules), ("Spells", told.spells), ("Accounts that speak for it", told.accounts)):
        screen.print(_table(title, frame) if frame.height else f"{title}: none")


def _key(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**64:
        raise typer.BadParameter("is no member key", param_hint="MEMBER_KEY")
    return int(text)


def _link(settings: Settings) -> Path:
    trial.current(settings)
    return settings.published / publish.LINK


def _checked(
    one: definition.Definition, ran: Sequence[examples.Ran], tried: dict[tuple[str, str], trial.RuleTried]
) -> Table:
    title = f"{one.segment_id} ({one.header.status}): {one.header.title}"
    if one.is_override:
        title += f"\noverrides the policy: {one.header.lawful_basis}; approved by {one.header.approved_by}"
    table = Table("rule", "match", "people", "seconds", "examples hit", title=title, box=box.SIMPLE_HEAD)
    for rule in leaves((*one.rules, *one.exclude)):
        found = tried.get((one.segment_id, rule.rule_id))
        n_hit = sum(rule.rule_id in each.rules_hit for each in ran)
        people = f"{found.people:,}" if found else "-"
        table.add_row(rule.rule_id, rule.match, people, f"{found.seconds:.2f}" if found else "-", str(n_hit))
    table.add_section()
    wrong = [each for each in ran if not each.is_right]
    table.add_row("examples", f"{len(ran) - len(wrong)} of {len(ran)} as they must be", "", "", "")
    for each in wrong:
        table.add_row(f"  {each.n + 1}", f"must be {each.example.member}: {each.example.why}", "", "", "")
    return table


def _ran(ran: Iterable[examples.Ran]) -> Table:
    table = Table("example", "must be", "is", "rules that hit", title="Examples", box=box.SIMPLE_HEAD)
    for one in ran:
        is_in = "in" if one.is_member else "out"
        mark = "" if one.is_right else "  <- wrong"
        table.add_row(one.example.why, one.example.member, is_in + mark, ", ".join(one.rules_hit))
    return table


def _table(title: str, frame: pl.DataFrame) -> Table:
    table = Table(*frame.columns, title=title, box=box.SIMPLE_HEAD)
    for row in frame.iter_rows():
        table.add_row(*(_cell(value) for value in row))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
