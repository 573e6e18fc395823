"""Tables and lines of `audit-closure`."""

import polars as pl
from rich import box
from rich.markup import escape
from rich.table import Table

from pipelines.analysis.closure_evaluation import ClosureAudit, Effect
from pipelines.cli.screen import screen

TITLES = {
    "active": "Of its audience, people who interacted with us in a week",
    "follower": "Of its audience, people who followed an account of ours at the end of a week",
}


def say(done: ClosureAudit) -> None:
    """Print an audit: what was compared, an effect per segment, and where the former followers are now."""
    plan = done.plan
    screen.rows("effects", done.effects)
    screen.rows("former_followers", done.former)
    screen.print(
        f"{escape(plan.name)} ({plan.platform}), closed on {plan.closed_on}: "
        f"{plan.n_before} weeks before, {plan.n_after} after",
        soft_wrap=True,
        highlight=False,
    )
    controls = ", ".join(plan.controls.values()) or "none"
    screen.print(f"controls: {escape(controls)}", soft_wrap=True, highlight=False)
    for note in plan.notes:
        screen.print(f"note: {escape(note)}", soft_wrap=True, highlight=False)
    for measure, title in TITLES.items():
        screen.print(_effects(title, [one for one in done.effects if one.measure == measure]))
        for line in _reasons([one for one in done.effects if one.measure == measure]):
            screen.print(line, soft_wrap=True, highlight=False)
    screen.print(_former(done.former))
    screen.print(
        "People as of its audience when the first week begins, each weighted by their probability of "
        "membership; exact counts, not for release. Expected follows from the audiences of the controls.",
        soft_wrap=True,
        highlight=False,
    )


def _effects(title: str, effects: list[Effect]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("segment", "audience", "before", "after", "expected", "effect (95 %)", "verdict"):
        table.add_column(column, justify="left" if column in ("segment", "verdict") else "right", no_wrap=True)
    for one in effects:
        bounds = "-"
        if one.effect_people is not None:
            bounds = f"{one.effect_people:+,.0f} ({one.effect_people_lo:+,.0f} to {one.effect_people_hi:+,.0f})"
        table.add_row(
            one.segment_id,
            f"{one.audience_people:,.0f}",
            *(_people(share, one.audience_people) for share in (one.before_share, one.after_share, one.expected_share)),
            bounds,
            one.verdict,
        )
    return table


def _reasons(effects: list[Effect]) -> list[str]:
    """Give each verdict's reason once, with its segments."""
    segments: dict[str, list[str]] = {}
    for one in effects:
        segments.setdefault(f"{one.verdict}: {one.reason}", []).append(one.segment_id)
    return [f"{reason} ({', '.join(names)})" for reason, names in segments.items()]


def _people(share: float | None, people: float) -> str:
    return "-" if share is None else f"{share * people:,.0f}"


def _former(former: pl.DataFrame) -> Table:
    table = Table(title="Where those who followed it at its end are now", box=box.SIMPLE_HEAD)
    table.add_column("segment")
    for column in ("followed it", "reached by another of ours", "gone from all lists", "there, reached by none"):
        table.add_column(column, justify="right")
    names = ("former_people", "still_reached_people", "gone_people", "unreached_people")
    for row in former.iter_rows(named=True):
        table.add_row(row["segment_id"], *(f"{row[name]:,.0f}" for name in names))
    return table
