"""The parts of a review's sheets: evidence by stage, who is lost, the rules that did not decide; rows of text."""

import math
from typing import Any

from pipelines.marts.decision import words_of
from pipelines.reach.joint_closure import Target
from pipelines.reach.metrics import MEASURES, STAGES
from pipelines.reach.rule_engine import sentence, served_segment
from pipelines.release import disclosure
from pipelines.release.disclosure import MISSING, WITHHELD, Limits
from pipelines.report import review_words
from pipelines.report.labels import EVERYONE, listed
from pipelines.report.review_data import Decided, Review

Row = dict[str, Any]
COLUMN = {"value": "value", "lo": "value_lo", "hi": "value_hi"}


def facts_used(one: Decided) -> dict[tuple[str, str | None], Row]:
    """The evidence that the decision was held against: with losses counted together, where others close too."""
    if not one.decision["closes_with"]:
        return one.facts
    facts = dict(one.facts)
    whole = facts.get(("lost_people", None))
    if whole:
        joint = {"value": "lost_people", "value_lo": "lost_people_lo", "value_hi": "lost_people_hi"}
        facts["lost_people", None] = whole | {column: one.decision[name] for column, name in joint.items()}
    for check in one.checks:
        row = facts.get((check["measure"], check["segment_id"]))
        if check["has_decided"] and row and row["value"] is not None:
            facts[check["measure"], check["segment_id"]] = row | {COLUMN[check["bound"]]: check["value"]}
    return facts


def reason(review: Review, one: Decided, limit: Limits) -> str:
    """Give the rule's sentence with figures that may be released."""
    decision = one.decision
    because = decision["because_segment_id"]
    target = Target(decision["redirect_platform"], decision["redirect_account_id"], decision["redirect_reason"])
    words = words_of(review.names, review.titles, one.key, because, target)
    facts = facts_used(one)
    text = sentence(
        decision["reason_template"], words, facts, because, lambda row: review_words.in_sentence(row, limit)
    )
    if decision["closes_with"]:
        others = [review.names.get(tuple(ref.split(":", 1)), ref) for ref in decision["closes_with"]]  # type: ignore[arg-type]
        text += f" Losses are counted together with those of {listed(others)}, which would close too."
    return text


def community(one: Decided) -> str | None:
    """The community a sheet looks at beside the account as a whole: the one that decided, else the largest."""
    return one.decision["because_segment_id"] or served_segment(one.facts)


def evidence(review: Review, one: Decided, limit: Limits) -> list[Row]:
    """Give the evidence by stage: of the account as a whole and of one community, with what the rule asked."""
    facts = facts_used(one)
    segment = community(one)
    asked: dict[str, list[str]] = {}
    for check in one.checks:
        if check["has_decided"]:
            asked.setdefault(check["measure"], []).append(_asked(review, check))
    stages = []
    for stage in STAGES:
        rows = []
        for name, measure in MEASURES.items():
            whole, part = facts.get((name, None)), facts.get((name, segment)) if segment else None
            if measure.stage == stage and (whole or part):
                rows.append(
                    {
                        "title": review_words.title_of(name),
                        "whole": _cell(facts, whole, limit),
                        "part": _cell(facts, part, limit),
                        "asked": "; ".join(asked.get(name, [])),
                    }
                )
        stages.append({"stage": stage, "rows": rows})
    return stages


def _asked(review: Review, check: Row) -> str:
    """Give the threshold of the rule that decided, and the community it was held against."""
    where = {
        "any": review.titles.get(check["segment_id"] or "", ""),
        "largest": "largest community",
        "all": "every community",
    }.get(check["segment_scope"] or "", "")
    return review_words.threshold_text(check) + (f" ({where})" if where else "")


def _cell(facts: dict[tuple[str, str | None], Row], row: Row | None, limit: Limits) -> Row:
    """One figure: its value, and under it the interval or why there is none."""
    if row is None:
        return {"value": "", "note": "", "is_quiet": True}
    if is_of_few(facts, row, limit):
        return {"value": WITHHELD, "note": "", "is_quiet": True}
    interval = review_words.interval_text(row, limit)
    note = interval or row["evidence_reason"] or ""
    return {"value": review_words.value_text(row, limit), "note": note, "is_quiet": row["value"] is None}


def is_of_few(facts: dict[tuple[str, str | None], Row], row: Row, limit: Limits) -> bool:
    """Whether a figure without a count of its own is of too few people: the active ones of that community decide."""
    if row["segment_id"] is None or row["measure"] not in ("activity_change_share", "is_falling"):
        return False
    active = facts.get(("active_people", row["segment_id"]))
    return active is None or (active["value"] or 0) < limit.suppressed_below


def losses(review: Review, one: Decided, limit: Limits) -> list[Row]:
    """Give, per community of which it reaches anybody, who is lost if it alone closes; everyone comes last.

    Visitors are held back where they, or the others who are lost beside them, are too few: one is the other's rest.
    """
    by_segment: dict[str, dict[str, Row]] = {}
    for row in one.losses:
        by_segment.setdefault(row["segment_id"], {})[row["basis"]] = row
    shown = []
    for segment_id, bases in by_segment.items():
        follower, active = bases.get("follower", {}), bases.get("active", {})
        if not (follower.get("reach_people") or active.get("reach_people")):
            continue
        net, lost = active.get("net_reach_people"), active.get("lost_people")
        share = review_words.share_text(lost / net, net, limit) if lost is not None and net else MISSING
        shown.append(
            {
                "title": "Everyone" if segment_id == EVERYONE else review.titles.get(segment_id, segment_id),
                "reach": disclosure.people(active.get("reach_people"), limit).text,
                "follower": disclosure.people(follower.get("lost_people"), limit).text,
                "active": disclosure.people(lost, limit).text,
                "visitors": _visitors(lost, active.get("lost_visitor_people"), limit),
                "share": share,
            }
        )
    return shown


def _visitors(lost: int | None, visitors: int | None, limit: Limits) -> str:
    if lost is None or visitors is None:
        return MISSING
    rest = lost - visitors
    if visitors >= limit.suppressed_below > rest > 0:
        return WITHHELD
    return disclosure.people(visitors, limit).text


def other_rules(review: Review, one: Decided, limit: Limits) -> list[Row]:
    """Give the rules that were asked before the one that decided, each with its first condition that did not hold."""
    facts = facts_used(one)
    before: dict[str, list[Row]] = {}
    for check in one.checks:
        if check["has_decided"]:
            break
        before.setdefault(check["rule_id"], []).append(check)
    return [
        {
            "rule_no": checks[0]["rule_no"],
            "action": checks[0]["action"],
            "against": [_against(review, facts, check, limit) for check in checks if not check["is_held"]][:1],
        }
        for rule_id, checks in before.items()
        if not all(check["is_held"] for check in checks)
    ]


def _against(review: Review, facts: dict[tuple[str, str | None], Row], check: Row, limit: Limits) -> str:
    """Describe one condition that did not hold: the threshold, the community, and the figure found."""
    row = facts.get((check["measure"], check["segment_id"]))
    found = review_words.NOT_KNOWN
    is_withheld = row is not None and row["value"] is not None and math.isnan(row["value"])
    if row and check["value"] is not None and not is_withheld and not is_of_few(facts, row, limit):
        found = review_words.one_text(row, check["value"], limit)
    elif row and check["value"] is not None:
        found = WITHHELD
    title = review_words.title_of(check["measure"])
    community = review.titles.get(check["segment_id"] or "", "")
    where = f" ({community})" if community else ""
    return f"{title}{where}: the rule needs {review_words.threshold_text(check)}, the figure is {found}"


def rule_no(one: Decided) -> int | None:
    """Give the number of the rule that decided, as the last sheet counts them; None where no rule held."""
    return next((check["rule_no"] for check in one.checks if check["has_decided"]), None)


def rules(review: Review) -> list[Row]:
    """Give all rules of that night, with their conditions and the reason of each threshold."""
    if not review.accounts:
        return []
    found: dict[str, Row] = {}
    for check in review.accounts[0].checks:
        rule = found.setdefault(check["rule_id"], {"action": check["action"], "conditions": []})
        scope = review_words.SCOPE_WORDS.get(check["segment_scope"] or "", "")
        title = review_words.title_of(check["measure"])
        rule["conditions"].append(
            {
                "asked": f"{title}{', ' + scope if scope else ''}: {review_words.threshold_text(check)}",
                "why": check["threshold_reason"],
            }
        )
    return list(found.values())
