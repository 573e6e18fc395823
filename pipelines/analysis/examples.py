"""Run the examples of every definition: invented people, through the same models as real ones."""

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
MEMBERS = "SELECT segment_id, member_key FROM core.segment_membership WHERE left_on IS NULL"
RULE_HITS = "SELECT segment_id, member_key, rule_id FROM core.segment_rule_hit ORDER BY ALL"


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

    All invented people are loaded together; a person counts only for the segment whose example it is.
    """
    tried = [replace(one, header=one.header.model_copy(update={"status": "active"})) for one in definitions]
    people = [(one.segment_id, n, example) for one in tried for n, example in enumerate(one.header.examples)]
    with opened(settings, SOME_DAY) as con:
        for key, (_, _, example) in enumerate(people):
            _insert(con, key, example)
        find_members(con, tried, known)
        members = set(con.execute(MEMBERS).fetchall())
        hits: dict[tuple[str, int], list[str]] = {}
        for segment_id, key, rule_id in con.execute(RULE_HITS).fetchall():
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
    """Check that the active definitions' examples give the expected result, and that every rule has an example.

    Raises `SegmentDefinitionError` for the first that does not, and for a rule without an example.
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
    who = {"platform": platform, "member_key": key}
    _add(con, "core.member", **who, is_present=True)
    profile = {"name": example.name, "bio": example.bio, "location": example.location}
    _add(con, "stg.profile", **who, profile_on=SOME_DAY, **profile)
    for followed in (SOME_ACCOUNT, *(ref.split(":", 1)[1] for ref in example.follows)):
        _add(con, "core.follow", **who, account_id=followed, first_seen_on=SOME_DAY, last_seen_on=SOME_DAY)
    for n, act in enumerate(example.acts):
        on = SOME_DAY - timedelta(days=act.days_ago)
        account_id = act.account.split(":", 1)[1]
        for post in range(act.n_posts):
            like = {"post_id": f"{n}-{post}", "account_id": account_id, "kind": "like", "engaged_on": on}
            _add(con, "core.engagement", **who, **like)
    for tag in example.tags:
        con.execute("INSERT INTO stg.tag SELECT ?, ?, ?, ?", [platform, key, tag.lstrip("#"), SOME_DAY])


def _add(con: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    """Insert one row; columns that are not given stay NULL."""
    columns = ", ".join(f"? AS {name}" for name in values)
    con.execute(f"INSERT INTO {table} BY NAME SELECT {columns}", list(values.values()))
