"""`mart.decision`: for every open account of ours the action that the first rule to hold leads to, with its reason.

Each account is judged by what closing it alone would lose. Accounts that would then go (close, merge into) are held
against the rules once more, the smallest first, together with those that go before them: two accounts that stand
in for each other cannot both be closed as if the other stayed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import duckdb
import polars as pl

from pipelines.common.settings import Settings
from pipelines.marts import Inputs
from pipelines.marts.decision_evidence import frame, read
from pipelines.reach import joint_closure
from pipelines.reach.decision_rule import REDIRECT, Rules, read_rules
from pipelines.reach.joint_closure import Key, Signatures
from pipelines.reach.rule_engine import Judged, Row, exactly, first_that_holds, sentence, served_segment
from pipelines.reference.files import read_bands

TABLE = "mart.decision"
READS = (
    "core.account",
    "mart.decision_evidence",
    "mart.reach_signature",
    "ref.segment",
)

REVIEW_DAYS = "decision_review_days"
GOING = ("close", "merge into")
STAYING = ("keep active", "critical updates only")

OwnFacts = dict[tuple[str, str | None], Row]


@dataclass(frozen=True)
class Verdict:
    """What was decided of one account: the rule that holds, all rules as judged, the evidence they were held against.

    `with_others`: the accounts that go before it, where it was judged together with them.
    """

    key: Key
    facts: OwnFacts
    decided: Judged
    judged: list[Judged]
    with_others: tuple[Key, ...] = ()

    @property
    def action(self) -> str:
        return self.decided.rule.action


@dataclass(frozen=True)
class Review:
    """Everything the review of one night decided, and the names its sentences use."""

    verdicts: list[Verdict]
    rules: Rules
    names: Mapping[Key, str]
    titles: Mapping[str, str]
    owners: Mapping[str, str]
    signatures: Signatures = field(default_factory=dict)


def make(inputs: Inputs) -> pl.DataFrame:
    """Give one row per open account of ours: the action, the rule, the reason with its figures, who is lost, where to.

    Reads `mart.decision_evidence` of the same night. Raises `RefError` for unusable rules or bands.
    """
    con, settings, as_of = inputs.con, inputs.settings, inputs.as_of
    review = decide(con, settings)
    review_on = as_of + timedelta(days=int(read_bands(settings)[REVIEW_DAYS]))
    actions = {verdict.key: verdict.action for verdict in review.verdicts}
    rows = []
    for verdict in review.verdicts:
        served = served_segment(verdict.facts)
        because = verdict.decided.because_segment_id
        target = joint_closure.Target(None, None, None)
        if verdict.decided.rule.mitigation == REDIRECT:
            staying = [key for key, action in actions.items() if action in STAYING and key != verdict.key]
            target = joint_closure.target(review.signatures, verdict.key, because, staying, review.names)
        lost = verdict.facts.get(("lost_people", None), {})
        rows.append(
            {
                "as_of": as_of,
                "platform": verdict.key[0],
                "account_id": verdict.key[1],
                "action": verdict.action,
                "rule_id": verdict.decided.rule.rule_id,
                "decision_reason": reason(review, verdict, target),
                "because_segment_id": because,
                "lost_people": lost.get("value"),
                "lost_people_lo": lost.get("value_lo"),
                "lost_people_hi": lost.get("value_hi"),
                "redirect_platform": target.platform,
                "redirect_account_id": target.account_id,
                "redirect_reason": target.reason,
                "owner": review.owners.get(served or ""),
                "review_on": review_on,
                "closes_with": [":".join(key) for key in verdict.with_others],
                "reason_template": verdict.decided.rule.reason,
                "rule_reason": verdict.decided.rule.why,
                "rules_hash": review.rules.rules_hash,
            }
        )
    return frame("decision", rows)


def decide(con: duckdb.DuckDBPyConnection, settings: Settings) -> Review:
    """Judge every account by the rules, then those that would go together with one another."""
    rules = read_rules(settings)
    facts: dict[Key, OwnFacts] = {}
    rows = con.sql("SELECT * FROM mart.decision_evidence ORDER BY platform, account_id").pl().to_dicts()
    for row in rows:
        facts.setdefault((row["platform"], row["account_id"]), {})[row["measure"], row["segment_id"]] = row
    signatures = joint_closure.read_signatures(con)
    alone = {key: Verdict(key, own, *first_that_holds(rules.rules, own)) for key, own in facts.items()}
    verdicts = _together(alone, rules, signatures)
    names = {
        (row["platform"], row["account_id"]): row["name"] or row["handle"] or row["account_id"]
        for row in read(con, "core.account", "name", "handle")
    }
    segments = con.execute("SELECT segment_id, title, owner FROM ref.segment").fetchall()
    titles = {segment_id: title or segment_id for segment_id, title, _ in segments}
    owners = {segment_id: owner for segment_id, _, owner in segments if owner}
    return Review([verdicts[key] for key in sorted(verdicts)], rules, names, titles, owners, signatures)


def reason(review: Review, verdict: Verdict, target: joint_closure.Target) -> str:
    """Give the board's sentence, with exact figures: this is for the snapshot, a page says it rounded."""
    words = words_of(review.names, review.titles, verdict.key, verdict.decided.because_segment_id, target)
    said = sentence(verdict.decided.rule.reason, words, verdict.facts, verdict.decided.because_segment_id, exactly)
    if verdict.with_others:
        others = ", ".join(review.names.get(key, key[1]) for key in verdict.with_others)
        said += f" Losses are counted together with those of {others}, which would close too."
    return said


def words_of(
    names: Mapping[Key, str], titles: Mapping[str, str], key: Key, because: str | None, target: joint_closure.Target
) -> dict[str, str]:
    """What a reason may name beside the measures."""
    next_account = names.get((target.platform or "", target.account_id or ""), "no other account")
    return {
        "account": names.get(key, key[1]),
        "segment": titles.get(because or "", because or "no community"),
        "next_account": next_account,
    }


def _together(alone: Mapping[Key, Verdict], rules: Rules, signatures: Signatures) -> dict[Key, Verdict]:
    """Let accounts go one by one, fewest active people first; each is judged as if those before it had gone."""
    verdicts = dict(alone)
    gone: dict[str, list[Key]] = {}

    def size(key: Key) -> tuple[float, Key]:
        row = alone[key].facts.get(("active_people", None), {})
        return float(row.get("value") or 0), key

    for key in sorted((key for key, verdict in alone.items() if verdict.action in GOING), key=size):
        before = gone.setdefault(key[0], [])
        if before:
            facts = joint_closure.together(alone[key].facts, signatures, key, before)
            decided, judged = first_that_holds(rules.rules, facts)
            verdicts[key] = replace(alone[key], facts=facts, decided=decided, judged=judged, with_others=tuple(before))
        if verdicts[key].action in GOING:
            before.append(key)
    return verdicts
