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
from pipelines.common.settings import Settings
from pipelines.segments.definition import Definition, Known, check_together, read_definition
from pipelines.segments.rule import InSegment, Rule, leaves
from pipelines.warehouse import publish


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
        raise PublishError(publish.LINK, "is not there", hint="run stillreach nightly, or make demo")
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
                counted = con.execute(
                    "SELECT count(*) FROM core.segment_membership WHERE left_on IS NULL AND segment_id = $segment_id",
                    {"segment_id": definition.segment_id},
                ).fetchone()
                people = int(counted[0]) if counted else 0
                tried.append(RuleTried(definition.segment_id, rule.rule_id, rule.match, people, seconds))
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
        con.execute(
            "CREATE TABLE core.draft AS SELECT platform, member_key FROM core.segment_membership "
            "WHERE left_on IS NULL AND segment_id = $segment_id",
            {"segment_id": draft.segment_id},
        )
        con.execute(
            "CREATE VIEW core.published_membership AS SELECT * FROM snapshot.core.segment_membership "
            f"WHERE left_on IS NULL AND segment_id <> '{draft.segment_id}'"
        )
        _collect_hits(con, tried)
        return Trial(
            draft,
            con.sql(SIZE).pl(),
            con.sql(RULES, params={"segment_id": draft.segment_id}).pl(),
            con.sql(OVERLAP).pl(),
            con.sql(REACH).pl(),
            tuple(one for one in ran if one.segment_id == draft.segment_id),
            time.monotonic() - began,
        )


def _collect_hits(con: duckdb.DuckDBPyConnection, draft: Definition) -> None:
    """Whom each rule hits, those of rules on other segments included, into the table `core.draft_hit`."""
    con.execute(
        "CREATE TABLE core.draft_hit AS SELECT rule_id, effect, member_key FROM core.segment_rule_hit "
        "WHERE segment_id = $segment_id",
        {"segment_id": draft.segment_id},
    )
    for effect, items in (("include", draft.rules), ("exclude", draft.exclude)):
        for rule in leaves(items):
            if isinstance(rule, InSegment):
                con.execute(
                    "INSERT INTO core.draft_hit SELECT DISTINCT $rule_id, $effect, member_key "
                    "FROM core.segment_membership WHERE left_on IS NULL AND list_contains($segments, segment_id)",
                    {"rule_id": rule.rule_id, "effect": effect, "segments": list(rule.values)},
                )


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


SIZE = """
    SELECT
        everyone.platform,
        count(draft.member_key) AS segment_people,
        count(*) AS everyone_people
    FROM core.member AS everyone
    LEFT JOIN core.draft AS draft ON everyone.member_key = draft.member_key
    WHERE everyone.is_present
    GROUP BY everyone.platform
    ORDER BY everyone.platform
"""

RULES = """
    WITH hits AS (
        SELECT
            rule_id,
            effect,
            member_key,
            count(*) FILTER (WHERE effect = 'include') OVER (PARTITION BY member_key) AS n_includes
        FROM core.draft_hit
    )

    SELECT
        segment_rule.rule_id,
        segment_rule.effect,
        segment_rule.match,
        count(hits.member_key) AS people,
        count(hits.member_key) FILTER (WHERE hits.n_includes = 1 AND hits.effect = 'include') AS only_this
    FROM ref.segment_rule
    LEFT JOIN hits ON segment_rule.rule_id = hits.rule_id
    WHERE segment_rule.segment_id = $segment_id
    GROUP BY segment_rule.rule_id, segment_rule.effect, segment_rule.match
    ORDER BY segment_rule.effect DESC, people DESC, segment_rule.rule_id
"""

OVERLAP = """
    WITH draft_sizes AS (SELECT platform, count(*) AS draft_people FROM core.draft GROUP BY platform)

    SELECT
        other.segment_id,
        other.platform,
        count(draft.member_key) AS shared_people,
        count(draft.member_key) / draft_sizes.draft_people AS overlap_of_base,
        count(draft.member_key) / (count(*) + draft_sizes.draft_people - count(draft.member_key)) AS overlap_jaccard
    FROM core.published_membership AS other
    INNER JOIN draft_sizes ON other.platform = draft_sizes.platform
    LEFT JOIN core.draft AS draft ON other.member_key = draft.member_key
    GROUP BY other.segment_id, other.platform, draft_sizes.draft_people
    HAVING count(draft.member_key) > 0
    ORDER BY shared_people DESC, other.segment_id, other.platform
"""

REACH = """
    WITH draft_sizes AS (SELECT platform, count(*) AS draft_people FROM core.draft GROUP BY platform)

    SELECT
        account.platform,
        account.account_id,
        coalesce(account.name, account.account_id) AS name,
        count(*) AS reach_people,
        count(*) / draft_sizes.draft_people AS coverage_share
    FROM core.draft AS draft
    INNER JOIN draft_sizes ON draft.platform = draft_sizes.platform
    INNER JOIN core.follow ON draft.member_key = follow.member_key AND follow.ended_on IS NULL
    INNER JOIN core.account ON follow.platform = account.platform AND follow.account_id = account.account_id
    WHERE account.role = 'own' AND account.is_open
    GROUP BY account.platform, account.account_id, account.name, draft_sizes.draft_people
    ORDER BY reach_people DESC, account.platform, account.account_id
"""
