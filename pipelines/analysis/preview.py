"""Try definitions on a published night's people, without a night: how many each rule hits, how long it takes, and
what a draft would make of the segments that are there."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import polars as pl

from pipelines.analysis import examples
from pipelines.analysis.sandbox import find_members, opened_on
from pipelines.common.errors import PublishError
from pipelines.common.query import query
from pipelines.common.settings import Settings
from pipelines.segments.definition import Definition, Known, check_together, read_definition
from pipelines.segments.rule import InSegment, Rule, leaves
from pipelines.warehouse import publish

CURRENT_MEMBERS = "SELECT count(*) FROM core.segment_membership WHERE left_on IS NULL AND segment_id = ?"


@dataclass(frozen=True)
class RuleTried:
    """One rule on its own: how many present people it hits, and how long looking took."""

    segment_id: str
    rule_id: str
    match: str
    people: int
    seconds: float


@dataclass(frozen=True)
class Trial:
    """What a draft would give: tables of small counts, nobody named.

    `size`: platform, segment_people, everyone_people. `rules`: rule_id, effect, people, only_this (whom no other rule
    brings in). `overlap`: segment_id, platform, shared_people, overlap_of_base (shared / the draft's people),
    overlap_jaccard. `reach`: platform, account_id, name, reach_people, coverage_share.
    """

    definition: Definition
    size: pl.DataFrame
    rules: pl.DataFrame
    overlap: pl.DataFrame
    reach: pl.DataFrame
    ran: tuple[examples.Ran, ...]
    seconds: float


def current(settings: Settings) -> str:
    """Name the published snapshot.

    Raises `PublishError` where there is none.
    """
    snapshot_id = publish.current_snapshot(settings)
    if snapshot_id is None:
        raise PublishError(publish.LINK, "is not there", hint="run stillreach nightly, or stillreach demo")
    return snapshot_id


def time_rules(settings: Settings, definitions: Sequence[Definition], known: Known) -> list[RuleTried]:
    """Run every rule alone on the published night's people."""
    tried = []
    with opened_on(settings, current(settings)) as con:
        for definition in definitions:
            for rule in leaves((*definition.rules, *definition.exclude)):
                alone = _alone(definition, rule)
                others = _needed(alone, definitions)
                began = time.monotonic()
                find_members(con, [alone, *others], known)
                seconds = time.monotonic() - began
                (size,) = con.execute(CURRENT_MEMBERS, [definition.segment_id]).fetchall()
                tried.append(RuleTried(definition.segment_id, rule.rule_id, rule.match, int(size[0]), seconds))
    return tried


def _alone(definition: Definition, rule: Rule) -> Definition:
    evidence = definition.header.evidence.model_copy(update={"threshold": 1})
    header = definition.header.model_copy(update={"status": "active", "evidence": evidence})
    return replace(definition, header=header, rules=(rule.model_copy(update={"weight": 1}),), exclude=())


def try_draft(settings: Settings, path: Path, definitions: Sequence[Definition], known: Known) -> Trial:
    """Give a draft's size, its rules' contributions, its overlaps and the accounts that reach it.

    A draft of a segment that is there is tried in its place. Raises `SegmentDefinitionError` where the draft is not
    usable; examples that fail are shown, not raised.
    """
    began = time.monotonic()
    draft = read_definition(path, settings, known)
    tried = replace(draft, header=draft.header.model_copy(update={"status": "active"}))
    others = [one for one in definitions if one.segment_id != draft.segment_id]
    check_together([*others, tried])
    ran = examples.run_examples(settings, [*others, tried], known)
    with opened_on(settings, current(settings)) as con:
        find_members(con, [*_needed(tried, others), tried], known)
        _collect_hits(con, tried)
        own = {"segment_id": draft.segment_id}
        return Trial(
            draft,
            con.sql(query("analysis/draft_size"), params=own).pl(),
            con.sql(query("analysis/draft_rules"), params=own).pl(),
            con.sql(query("analysis/draft_overlap"), params=own).pl(),
            con.sql(query("analysis/draft_reach"), params=own).pl(),
            tuple(one for one in ran if one.segment_id == draft.segment_id),
            time.monotonic() - began,
        )


def _collect_hits(con: duckdb.DuckDBPyConnection, draft: Definition) -> None:
    """Write the people whom each rule hits, rules about other segments included, into the table `core.draft_hit`."""
    con.execute("CREATE TABLE core.draft_hit (rule_id VARCHAR, effect VARCHAR, member_key UBIGINT)")
    con.execute(query("analysis/add_draft_hits"), {"segment_id": draft.segment_id})
    for effect, items in (("include", draft.rules), ("exclude", draft.exclude)):
        for rule in leaves(items):
            if isinstance(rule, InSegment):
                about = {"rule_id": rule.rule_id, "effect": effect, "segments": list(rule.values)}
                con.execute(query("analysis/add_draft_segment_hits"), about)


def _needed(draft: Definition, others: Sequence[Definition]) -> list[Definition]:
    """The segments that a draft refers to, and those that they refer to."""
    by_id = {one.segment_id: one for one in others}
    needed: dict[str, Definition] = {}
    waiting = list(draft.others)
    while waiting:
        segment_id = waiting.pop()
        if segment_id not in needed:
            needed[segment_id] = by_id[segment_id]
            waiting += by_id[segment_id].others
    return list(needed.values())
