"""Tables of the `segments` group and of `explain`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl
from rich import box
from rich.table import Table

from pipelines.analysis import examples, preview
from pipelines.analysis import suggest as suggestions
from pipelines.segments import definition
from pipelines.segments.label_audit import Quality
from pipelines.segments.rule import leaves


def communities(found: suggestions.Discovery) -> Table:
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


def candidates(title: str, found: Sequence[suggestions.Candidate]) -> Table:
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
    for one in found:
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


def rounded(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value > 1 else f"{value:.3f}"


def checked(
    one: definition.Definition, ran: Sequence[examples.Ran], tried: dict[tuple[str, str], preview.RuleTried]
) -> Table:
    title = f"{one.segment_id} ({one.header.status}): {one.header.title}"
    if one.is_override:
        title += f"\n{override(one)}"
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


def rule_rows(
    definitions: Iterable[definition.Definition],
    ran: Sequence[examples.Ran],
    tried: dict[tuple[str, str], preview.RuleTried],
) -> Iterator[dict[str, Any]]:
    """Give a row per rule: the people it hits and its seconds, both missing where nothing is published."""
    for one in definitions:
        for rule in leaves((*one.rules, *one.exclude)):
            found = tried.get((one.segment_id, rule.rule_id))
            yield {
                "segment_id": one.segment_id,
                "rule_id": rule.rule_id,
                "match": rule.match,
                "people": found.people if found else None,
                "seconds": found.seconds if found else None,
                "n_examples_hit": sum(
                    rule.rule_id in each.rules_hit for each in ran if each.segment_id == one.segment_id
                ),
            }


def example_rows(ran: Iterable[examples.Ran]) -> Iterator[dict[str, Any]]:
    """Give a row per example: where it must be, whether it is there, and the rules that hit it."""
    for one in ran:
        yield {"segment_id": one.segment_id, "why": one.example.why, "must_be": one.example.member,
               "is_member": one.is_member, "is_right": one.is_right, "rules_hit": one.rules_hit}  # fmt: skip


def community_rows(found: suggestions.Discovery) -> Iterator[dict[str, Any]]:
    """Give a row per community: its people, names of its accounts, its words and the segments its people are in."""
    for one in found.communities:
        row: dict[str, Any] = {"community_id": one.community_id, "platform": one.platform, "status": one.status}
        if one.portrait:
            row |= {
                "people": one.portrait.people,
                "is_new": one.portrait.is_new,
                "accounts": [account.name for account in one.portrait.accounts],
                "words": [word.word for word in one.portrait.words],
                "segments": {each.segment_id: each.share for each in one.portrait.segments},
            }
        yield row


def estimate_rows(quality: Quality) -> Iterator[dict[str, Any]]:
    """Give a row per measure of a label audit, with its 95 % interval."""
    for measure, one in quality.estimates.items():
        yield {"measure": measure, "value": one.value, "value_lo": one.lo, "value_hi": one.hi}
    yield {"measure": "calibration_error", "value": quality.calibration_error, "value_lo": None, "value_hi": None}


def estimates(title: str, quality: Quality) -> Table:
    """Lay out the measures of a label audit."""
    table = Table("measure", "estimate", "from", "to", title=title, box=box.SIMPLE_HEAD)
    for row in estimate_rows(quality):
        bounds = [rounded(row[one]) if row["value_lo"] is not None else "" for one in ("value_lo", "value_hi")]
        table.add_row(row["measure"], rounded(row["value"]), *bounds)
    return table


def override(one: definition.Definition) -> str:
    return f"overrides the policy: {one.header.lawful_basis}; approved by {one.header.approved_by}"


def examples_table(ran: Iterable[examples.Ran]) -> Table:
    table = Table("example", "must be", "is", "rules that hit", title="Examples", box=box.SIMPLE_HEAD)
    for one in ran:
        is_in = "in" if one.is_member else "out"
        mark = "" if one.is_right else "  <- wrong"
        table.add_row(one.example.why, one.example.member, is_in + mark, ", ".join(one.rules_hit))
    return table


def frame_table(title: str, frame: pl.DataFrame) -> Table:
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
