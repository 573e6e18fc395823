"""`mart.decision`: for every open account of ours the action that the first rule to hold leads to, with its reason.

Each account is judged by what closing it alone would lose. Accounts that would then go (close, merge into) are held
against the rules once more, the smallest first, together with those that go before them: two accounts that stand
in for each other cannot both be closed as if the other stayed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import polars as pl

from pipelines.marts import Inputs, typed_frame
from pipelines.reach import joint_closure
from pipelines.reach.decision_rule import REDIRECT, Rules, read_rules
from pipelines.reach.joint_closure import Key, Signatures
from pipelines.reach.rule_engine import Judged, Row, exactly, first_that_holds, sentence, served_segment

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

    def target(self, verdict: Verdict) -> joint_closure.Target:
        """Choose where to send an account's people, where the rule asks for it."""
        if verdict.decided.rule.mitigation != REDIRECT:
            return joint_closure.Target(None, None, None)
        staying = [one.key for one in self.verdicts if one.action in STAYING and one.key != verdict.key]
        because = verdict.decided.because_segment_id
        return joint_closure.target(self.signatures, verdict.key, because, joint_closure.Stay(staying, self.names))


def make(inputs: Inputs) -> pl.DataFrame:
    """Make a row per open account of ours: the action, the rule, the reason with its figures, who is lost, where to.

    Raises `RefError` for unusable rules or bands.
    """
    review = decide(inputs)
    review_on = inputs.as_of + timedelta(days=int(inputs.bands[REVIEW_DAYS]))
    rows = [
        {
            "as_of": inputs.as_of,
            "platform": verdict.key[0],
            "account_id": verdict.key[1],
            "review_on": review_on,
            "rules_hash": review.rules.rules_hash,
            **_decided(review, verdict),
        }
        for verdict in review.verdicts
    ]
    return typed_frame("decision", rows)


def _decided(review: Review, verdict: Verdict) -> Row:
    """Give the columns that say what was decided of one account."""
    rule, because = verdict.decided.rule, verdict.decided.because_segment_id
    target = review.target(verdict)
    lost = verdict.facts.get(("lost_people", None), {})
    return {
        "action": verdict.action,
        "rule_id": rule.rule_id,
        "decision_reason": reason(review, verdict, target),
        "because_segment_id": because,
        "lost_people": lost.get("value"),
        "lost_people_lo": lost.get("value_lo"),
        "lost_people_hi": lost.get("value_hi"),
        "redirect_platform": target.platform,
        "redirect_account_id": target.account_id,
        "redirect_reason": target.reason,
        "owner": review.owners.get(served_segment(verdict.facts) or ""),
        "closes_with": [":".join(key) for key in verdict.with_others],
        "reason_template": rule.reason,
        "rule_reason": rule.why,
    }


def decide(inputs: Inputs) -> Review:
    """Judge every account by the rules, then those that would go together with one another."""
    rules = read_rules(inputs.settings)
    facts: dict[Key, OwnFacts] = {}
    for row in inputs.read("mart.decision_evidence").iter_rows(named=True):
        facts.setdefault((row["platform"], row["account_id"]), {})[row["measure"], row["segment_id"]] = row
    signatures = joint_closure.signatures_of(inputs.read("mart.reach_signature"))
    alone = {key: Verdict(key, own, *first_that_holds(rules.rules, own)) for key, own in sorted(facts.items())}
    names = inputs.read("core.account").select(
        "platform", "account_id", name=pl.coalesce(pl.col("name", "handle").replace("", None), "account_id")
    )
    segments = inputs.read("ref.segment", "segment_id", "title", "owner").rows(named=True)
    return Review(
        list(_together(alone, rules, signatures).values()),
        rules,
        names={(platform, account_id): name for platform, account_id, name in names.iter_rows()},
        titles={row["segment_id"]: row["title"] or row["segment_id"] for row in segments},
        owners={row["segment_id"]: row["owner"] for row in segments if row["owner"]},
        signatures=signatures,
    )


def reason(review: Review, verdict: Verdict, target: joint_closure.Target) -> str:
    """Give the board's sentence, with exact figures: this is for the snapshot, a page says it rounded."""
    words = words_of(review.names, review.titles, verdict.key, verdict.decided.because_segment_id, target)
    reason = sentence(verdict.decided.rule.reason, words, verdict.facts, verdict.decided.because_segment_id, exactly)
    if verdict.with_others:
        others = ", ".join(review.names.get(key, key[1]) for key in verdict.with_others)
        reason += f" Losses are counted together with those of {others}, which would close too."
    return reason


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
