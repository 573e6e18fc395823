"""The command line's `segments` group: check, try, why; and `explain`.

The help imports this module: libraries that are slow to import are imported by the commands.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.screen import prints_tables, screen
from pipelines.common.errors import SettingsError
from pipelines.common.settings import Settings, from_environment

if TYPE_CHECKING:
    from pipelines.segments.definition import Definition, Known

app = typer.Typer(
    help="Definitions of segments: check them, try a draft, explain why a size changed.", no_args_is_help=True
)


@app.command()
@prints_tables
def check() -> None:
    """Check every definition: its examples, and what each rule hits in the published night."""
    from pipelines.analysis import examples, preview
    from pipelines.cli import segment_tables
    from pipelines.segments import definition, history
    from pipelines.warehouse import publish

    settings = from_environment()
    known = definition.read_known(settings)
    definitions = definition.read_definitions(settings, known)
    history.compiled(definitions)
    ran = examples.run_examples(settings, definitions, known)
    tried = {}
    if publish.current_snapshot(settings):
        tried = {(one.segment_id, one.rule_id): one for one in preview.time_rules(settings, definitions, known)}
    screen.rows("rules", segment_tables.rule_rows(definitions, ran, tried))
    screen.rows("examples", segment_tables.example_rows(ran))
    for one in definitions:
        screen.print(segment_tables.checked(one, [each for each in ran if each.segment_id == one.segment_id], tried))
    examples.check_examples(definitions, ran)
    screen.print(f"{len(definitions)} definitions, {len(ran)} examples: all correct")


@app.command("try")
@prints_tables
def try_(path: Annotated[Path, typer.Argument(help="A definition, <segment_id>.yml.")]) -> None:
    """Try a draft on the published night: size, rules, overlaps, accounts that reach it; nothing is saved."""
    from pipelines.analysis import preview
    from pipelines.cli import segment_tables
    from pipelines.segments import definition

    settings = from_environment()
    known = definition.read_known(settings)
    definitions = definition.read_definitions(settings, known)
    done = preview.try_draft(settings, path, definitions, known)
    for title, frame in (
        ("Size", done.size),
        ("Rules", done.rules),
        ("Overlap with other segments", done.overlap),
        ("Accounts that reach it", done.reach),
    ):
        screen.rows(title.lower().replace(" ", "_"), frame)
        screen.print(segment_tables.frame_table(title, frame.drop("account_id", strict=False)))
    screen.rows("examples", segment_tables.example_rows(done.ran))
    screen.print(segment_tables.examples_table(done.ran))
    if done.definition.is_override:
        screen.print(segment_tables.override(done.definition), soft_wrap=True, markup=False)
    screen.print(f"{done.definition.segment_id}: tried in {done.seconds:.1f} s; nothing was saved")


@app.command()
@prints_tables
def why(
    segment_id: Annotated[str, typer.Argument(help="A segment.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="A day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="A later one.")],
) -> None:
    """Split a segment's change of size into people, rule edits, extracts and new audits; the parts add up."""
    from pipelines.analysis import explain as explanations
    from pipelines.cli import segment_tables
    from pipelines.cli.snapshot import published

    settings = from_environment()
    with published(settings) as con:
        split = explanations.changes(con, segment_id, first.date(), last.date())
    screen.rows("change", split)
    screen.print(segment_tables.frame_table(f"{segment_id}, end of {first.date()} to end of {last.date()}", split))


@app.command()
@prints_tables
def suggest(
    near: Annotated[str, typer.Option(help="A segment: suggest accounts and words that would extend it.")] = "",
    to: Annotated[Path | None, typer.Option(help="A folder for draft definitions of the communities found.")] = None,
) -> None:
    """Find communities without a definition, or accounts and words that would extend a segment; nothing is added."""
    from pipelines.analysis import suggest as suggestions
    from pipelines.cli import segment_tables
    from pipelines.segments import definition

    settings = from_environment()
    known = definition.read_known(settings)
    if near:
        found = suggestions.suggest_near(settings, _defined(settings, known, near), known)
        for title, candidates in (("Accounts", found.accounts), ("Words", found.words)):
            screen.rows(title.lower(), candidates)
            screen.print(segment_tables.candidates(f"{title} near {near}", candidates))
        return
    discovery = suggestions.suggest(settings, known)
    screen.rows("communities", segment_tables.community_rows(discovery))
    screen.print(segment_tables.communities(discovery))
    for path in suggestions.write_drafts(discovery, to) if to else []:
        screen.print(f"draft: {path}", soft_wrap=True, highlight=False)


def _defined(settings: Settings, known: Known, segment_id: str) -> Definition:
    from pipelines.segments import definition

    definitions = {one.segment_id: one for one in definition.read_definitions(settings, known)}
    if segment_id not in definitions:
        raise SettingsError(f"segment {segment_id!r}", "has no definition", known=definitions)
    return definitions[segment_id]


@app.command("label-sample")
def label_sample(
    segment_id: Annotated[str, typer.Argument(help="A segment.")],
    n: Annotated[int, typer.Option(help="How many people to judge.")] = 200,
    platform: Annotated[str, typer.Option(help="The platform with most members by default.")] = "",
) -> None:
    """Draw a stratified sample of people to judge, into the restricted area."""
    from pipelines.analysis import label_sample as sampling
    from pipelines.segments import definition

    settings = from_environment()
    known = definition.read_known(settings)
    _defined(settings, known, segment_id)
    definitions = definition.read_definitions(settings, known)
    draw = sampling.Draw(n, datetime.now(UTC).date(), platform or None)
    path = sampling.label_sample(settings, segment_id, definitions, known, draw)
    screen.print(f"{path}", soft_wrap=True, highlight=False)
    screen.print("Write yes, no or unsure into the column label, then: stillreach segments score", soft_wrap=True)


@app.command()
@prints_tables
def score(
    segment_id: Annotated[str, typer.Argument(help="A segment.")],
    path: Annotated[Path, typer.Argument(help="The judged file.")],
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day from which the audit counts; today by default."),
    ] = None,
) -> None:
    """Read the labels of a sample: probabilities, precision, recall and size, each with its interval."""
    from pipelines.analysis import label_sample as sampling
    from pipelines.cli import segment_tables

    settings = from_environment()
    day = on.date() if on else datetime.now(UTC).date()
    kept = sampling.score(settings, segment_id, path, day)
    quality = kept.audit.quality
    screen.rows("estimates", segment_tables.estimate_rows(quality))
    screen.print(segment_tables.estimates(f"Audit {kept.audit.audit_id}", quality))
    screen.print(
        f"{quality.n_yes} yes, {quality.n_no} no, {quality.n_unsure} unsure; counts from the night of {day} on. "
        "The texts of the sample are deleted.",
        soft_wrap=True,
    )


@prints_tables
def explain(
    segment_id: Annotated[str, typer.Argument(help="A segment.")],
    member_key: Annotated[str, typer.Argument(help="A pseudonymous key of the published night.")],
) -> None:
    """Explain why a pseudonymous member is in a segment; needs the restricted work files."""
    from pipelines.analysis import explain as explanations
    from pipelines.analysis import preview
    from pipelines.cli import segment_tables

    settings = from_environment()
    why_member = explanations.explain(settings, preview.current(settings), segment_id, _key(member_key))
    for title, frame in (
        ("Rules", why_member.rules),
        ("Spells", why_member.spells),
        ("Accounts that support it", why_member.accounts),
    ):
        screen.rows(title.lower().replace(" ", "_"), frame)
        screen.print(segment_tables.frame_table(title, frame) if frame.height else f"{title}: none")


def _key(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**64:
        raise typer.BadParameter("is not a member key", param_hint="MEMBER_KEY")
    return int(text)
