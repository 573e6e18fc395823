"""The command line's `segments` group: check, try, why; and `explain`."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import duckdb
import polars as pl
import typer
from rich import box
from rich.table import Table

from pipelines.analysis import examples, preview
from pipelines.analysis import explain as explanations
from pipelines.analysis import label_sample as sampling
from pipelines.analysis import suggest as suggestions
from pipelines.cli.screen import Screen
from pipelines.common.errors import SettingsError
from pipelines.common.settings import Settings, from_environment
from pipelines.segments import definition, history
from pipelines.segments.rule import leaves
from pipelines.warehouse import publish

app = typer.Typer(
    help="Definitions of segments: check them, try a draft, explain why a size changed.", no_args_is_help=True
)
screen = Screen()


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
        tried = {(one.segment_id, one.rule_id): one for one in preview.time_rules(settings, definitions, known)}
    for one in definitions:
        screen.print(_checked(one, [each for each in ran if each.segment_id == one.segment_id], tried))
    examples.check_examples(definitions, ran)
    screen.print(f"{len(definitions)} definitions, {len(ran)} examples: all correct")


@app.command("try")
def try_(path: Annotated[Path, typer.Argument(help="A definition, <segment_id>.yml.")]) -> None:
    """Try a draft on the published night: size, rules, overlaps, accounts that reach it; nothing is saved."""
    settings = from_environment()
    known = definition.read_known(settings)
    definitions = definition.read_definitions(settings, known)
    done = preview.try_draft(settings, path, definitions, known)
    for title, frame in (
        ("Size", done.size),
        ("Rules", done.rules),
        ("Overlap with other segments", done.overlap),
        ("Accounts that reach it", done.reach.drop("account_id")),
    ):
        screen.print(_table(title, frame))
    screen.print(_ran(done.ran))
    if done.definition.is_override:
        screen.print(_override(done.definition), soft_wrap=True, markup=False)
    screen.print(f"{done.definition.segment_id}: tried in {done.seconds:.1f} s; nothing was saved")


@app.command()
def why(
    segment_id: Annotated[str, typer.Argument(help="A segment.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="A day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="A later one.")],
) -> None:
    """Split a segment's change of size into people, rule edits, extracts and new audits; the parts add up."""
    settings = from_environment()
    with duckdb.connect(str(_link(settings)), read_only=True) as con:
        split = explanations.changes(con, segment_id, first.date(), last.date())
    screen.print(_table(f"{segment_id}, end of {first.date()} to end of {last.date()}", split))


@app.command()
def suggest(
    near: Annotated[str, typer.Option(help="A segment: suggest accounts and words that would extend it.")] = "",
    to: Annotated[Path | None, typer.Option(help="A folder for draft definitions of the communities found.")] = None,
) -> None:
    """Find communities without a definition, or accounts and words that would extend a segment; nothing is added."""
    settings = from_environment()
    known = definition.read_known(settings)
    if near:
        found = suggestions.suggest_near(settings, _defined(settings, known, near), known)
        for title, candidates in (("Accounts", found.accounts), ("Words", found.words)):
            screen.print(_candidates(f"{title} near {near}", candidates))
        return
    discovery = suggestions.suggest(settings, known)
    screen.print(_communities(discovery))
    for path in suggestions.write_drafts(discovery, to) if to else []:
        screen.print(f"draft: {path}", soft_wrap=True, highlight=False)


def _defined(settings: Settings, known: definition.Known, segment_id: str) -> definition.Definition:
    definitions = {one.segment_id: one for one in definition.read_definitions(settings, known)}
    if segment_id not in definitions:
        raise SettingsError(f"segment {segment_id!r}", "has no definition", known=definitions)
    return definitions[segment_id]


def _communities(found: suggestions.Discovery) -> Table:
    table = Table(
        "community", "platform", "people", "accounts", "words", "in segments", title="Communities", box=box.SIMPLE_HEAD
    )
    for one in found.communities:
        if one.portrait is None:
            table.add_row(one.community_id, one.platform, one.status, "", "", "")
            continue
        table.add_row(
            f"{one.community_id} ({'new' if one.portrait.is_new else one.status})",
            one.platform,
            _cell(one.portrait.people) or "under 10",
            ", ".join(account.name for account in one.portrait.accounts[:5]),
            ", ".join(word.word for word in one.portrait.words[:5]),
            ", ".join(f"{each.segment_id} {each.share:.0%}" for each in one.portrait.segments[:3]),
        )
    return table


def _candidates(title: str, candidates: Sequence[suggestions.Candidate]) -> Table:
    table = Table(
        "what",
        "people",
        "lift",
        "would add",
        "recall gain",
        "precision",
        "precision change",
        title=title,
        box=box.SIMPLE_HEAD,
    )
    for one in candidates:
        precision = _interval(one.precision)
        table.add_row(
            one.name or one.value, _cell(one.people), _interval(one.lift), _cell(one.adds_people),
            _interval(one.recall_gain), precision if precision == "-" else f"{precision} {one.precision_basis}",
            _interval(one.precision_change),
        )  # fmt: skip
    return table


def _interval(one: suggestions.Estimate) -> str:
    value, lo, hi = ("?" if each is None else f"{each:.2f}" for each in (one.value, one.lo, one.hi))
    return "-" if value == lo == hi == "?" else f"{value} ({lo} to {hi})"


@app.command("label-sample")
def label_sample(
    segment_id: Annotated[str, typer.Argument(help="A segment.")],
    n: Annotated[int, typer.Option(help="How many people to judge.")] = 200,
    platform: Annotated[str, typer.Option(help="The platform with most members by default.")] = "",
) -> None:
    """Draw a stratified sample of people to judge, into the restricted area."""
    settings = from_environment()
    known = definition.read_known(settings)
    _defined(settings, known, segment_id)
    definitions = definition.read_definitions(settings, known)
    draw = sampling.Draw(n, datetime.now(UTC).date(), platform or None)
    path = sampling.label_sample(settings, segment_id, definitions, known, draw)
    screen.print(f"{path}", soft_wrap=True, highlight=False)
    screen.print("Write yes, no or unsure into the column label, then: stillreach segments score", soft_wrap=True)


@app.command()
def score(
    segment_id: Annotated[str, typer.Argument(help="A segment.")],
    path: Annotated[Path, typer.Argument(help="The judged file.")],
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day from which the audit counts; today by default."),
    ] = None,
) -> None:
    """Read the labels of a sample: probabilities, precision, recall and size, each with its interval."""
    settings = from_environment()
    day = on.date() if on else datetime.now(UTC).date()
    kept = sampling.score(settings, segment_id, path, day)
    quality = kept.audit.quality
    table = Table("measure", "estimate", "from", "to", title=f"Audit {kept.audit.audit_id}", box=box.SIMPLE_HEAD)
    for measure, one in quality.estimates.items():
        table.add_row(measure, *(_rounded(value) for value in (one.value, one.lo, one.hi)))
    table.add_row("calibration_error", _rounded(quality.calibration_error))
    screen.print(table)
    screen.print(
        f"{quality.n_yes} yes, {quality.n_no} no, {quality.n_unsure} unsure; counts from the night of {day} on. "
        "The texts of the sample are deleted.",
        soft_wrap=True,
    )


def _rounded(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value > 1 else f"{value:.3f}"


def explain(
    segment_id: Annotated[str, typer.Argument(help="A segment.")],
    member_key: Annotated[str, typer.Argument(help="A pseudonymous key of the published night.")],
) -> None:
    """Explain why a pseudonymous member is in a segment; needs the restricted work files."""
    settings = from_environment()
    why_member = explanations.explain(settings, preview.current(settings), segment_id, _key(member_key))
    for title, frame in (
        ("Rules", why_member.rules),
        ("Spells", why_member.spells),
        ("Accounts that support it", why_member.accounts),
    ):
        screen.print(_table(title, frame) if frame.height else f"{title}: none")


def _key(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**64:
        raise typer.BadParameter("is not a member key", param_hint="MEMBER_KEY")
    return int(text)


def _link(settings: Settings) -> Path:
    preview.current(settings)
    return settings.published / publish.LINK


def _checked(
    one: definition.Definition, ran: Sequence[examples.Ran], tried: dict[tuple[str, str], preview.RuleTried]
) -> Table:
    title = f"{one.segment_id} ({one.header.status}): {one.header.title}"
    if one.is_override:
        title += f"\n{_override(one)}"
    table = Table("rule", "match", "people", "seconds", "examples hit", title=title, box=box.SIMPLE_HEAD)
    for rule in leaves((*one.rules, *one.exclude)):
        found = tried.get((one.segment_id, rule.rule_id))
        n_hit = sum(rule.rule_id in each.rules_hit for each in ran)
        people = f"{found.people:,}" if found else "-"
        table.add_row(rule.rule_id, rule.match, people, f"{found.seconds:.2f}" if found else "-", str(n_hit))
    table.add_section()
    wrong = [each for each in ran if not each.is_right]
    table.add_row("examples", f"{len(ran) - len(wrong)} of {len(ran)} correct", "", "", "")
    for each in wrong:
        table.add_row(f"  {each.n + 1}", f"must be {each.example.member}: {each.example.why}", "", "", "")
    return table


def _override(one: definition.Definition) -> str:
    return f"overrides the policy: {one.header.lawful_basis}; approved by {one.header.approved_by}"


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
