"""Run every definition's examples: invented people, through the very models that find the real ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import duckdb

from pipelines.analysis.sandbox import find_members, opened
from pipelines.common.errors import SegmentDefinitionError
from pipelines.common.settings import Settings
from pipelines.segments.definition import Definition, Example, Known
from pipelines.segments.rule import InSegment, leaves

SOME_DAY = date(2026, 1, 15)
SOME_ACCOUNT = "(examples)"


@dataclass(frozen=True)
class Ran:
    """One example after it ran: what was expected of it, and the rules that hit it."""

    segment_id: str
    n: int
    example: Example
    is_member: bool
    rules_hit: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        return self.is_member == (self.example.member == "in")


def run_examples(settings: Settings, definitions: Sequence[Definition], known: Known) -> list[Ran]:
    """Run the examples of all definitions, drafts included.

    All people are put into one small county; what one segment's examples do to another's is not looked at.
    """
    tried = [replace(one, header=one.header.model_copy(update={"status": "active"})) for one in definitions]
    people = [(one.segment_id, n, example) for one in tried for n, example in enumerate(one.header.examples)]
    with opened(settings, SOME_DAY) as con:
        for key, (_, _, example) in enumerate(people):
            _insert(con, key, example)
        find_members(con, tried, known)
        members = set(
            con.execute("SELECT segment_id, member_key FROM core.segment_membership WHERE left_on IS NULL").fetchall()
        )
        hits: dict[tuple[str, int], list[str]] = {}
        for segment_id, key, rule_id in con.execute(
            "SELECT segment_id, member_key, rule_id FROM core.segment_rule_hit ORDER BY ALL"
        ).fetchall():
            hits.setdefault((segment_id, key), []).append(rule_id)
    by_id = {one.segment_id: one for one in tried}
    return [
        Ran(
            segment_id,
            n,
            example,
            (segment_id, key) in members,
            (*hits.get((segment_id, key), ()), *_segments_hit(by_id[segment_id], key, members)),
        )
        for key, (segment_id, n, example) in enumerate(people)
    ]


def check_examples(definitions: Sequence[Definition], ran: Sequence[Ran]) -> None:
    """Check that the active definitions' examples came out as they must, and leave no rule untried.

    Raises `SegmentDefinitionError` for the first that did not, and for a rule that no example exercises.
    """
    for definition in definitions:
        if definition.header.status != "active":
            continue
        own = [one for one in ran if one.segment_id == definition.segment_id]
        if wrong := [one for one in own if not one.is_right]:
            first = wrong[0]
            why = first.example.why.rstrip(".")
            raise SegmentDefinitionError(
                f"{definition.file}: example {first.n + 1} ({why})",
                f"comes out {'in' if first.is_member else 'out'}, it must be {first.example.member}",
                known=[f"rules that hit it: {', '.join(first.rules_hit) or 'none'}"],
                hint=f"{len(wrong)} of {len(own)} examples fail: mend the rule or the example",
            )
        exercised = {rule_id for one in own for rule_id in one.rules_hit}
        rules = [rule.rule_id for rule in leaves((*definition.rules, *definition.exclude))]
        if idle := [rule_id for rule_id in rules if rule_id not in exercised]:
            raise SegmentDefinitionError(
                definition.place(idle[0]), "is exercised by no example", hint="add somebody whom it hits"
            )


def _segments_hit(definition: Definition, key: int, members: set[tuple[str, int]]) -> tuple[str, ...]:
    rules = leaves((*definition.rules, *definition.exclude))
    return tuple(
        rule.rule_id
        for rule in rules
        if isinstance(rule, InSegment) and any((one, key) in members for one in rule.values)
    )


def _insert(con: duckdb.DuckDBPyConnection, key: int, example: Example) -> None:
    named = [*example.follows, *(act.account for act in example.acts)]
    platform = named[0].split(":")[0] if named else "x"
    con.execute(
        "INSERT INTO core.member BY NAME SELECT ? AS platform, ? AS member_key, true AS is_present", [platform, key]
    )
    con.execute(
        "INSERT INTO stg.profile BY NAME SELECT ? AS platform, ? AS member_key, ? AS profile_on, ? AS name, ? AS bio, "
        "? AS location",
        [platform, key, SOME_DAY, example.name, example.bio, example.location],
    )
    for followed in (SOME_ACCOUNT, *(ref.split(":", 1)[1] for ref in example.follows)):
        con.execute(
            "INSERT INTO core.follow BY NAME SELECT ? AS platform, ? AS account_id, ? AS member_key, "
            "? AS first_seen_on, ? AS last_seen_on",
            [platform, followed, key, SOME_DAY, SOME_DAY],
        )
    for n, act in enumerate(example.acts):
        for post in range(act.n_posts):
            con.execute(
                "INSERT INTO core.engagement BY NAME SELECT ? AS platform, ? AS post_id, ? AS account_id, "
                "? AS member_key, 'like' AS kind, ? AS engaged_on",
                [platform, f"{n}-{post}", act.account.split(":", 1)[1], key, SOME_DAY - timedelta(days=act.days_ago)],
            )
    for tag in example.tags:
        con.execute("INSERT INTO stg.tag SELECT ?, ?, ?, ?", [platform, key, tag.lstrip("#"), SOME_DAY])
