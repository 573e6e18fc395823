"""`mart.decision_check`: for every decision each condition of each rule, what was found, and whether it held."""

import polars as pl

from pipelines.marts import Inputs, typed_frame
from pipelines.marts.decision import READS as READS
from pipelines.marts.decision import decide
from pipelines.reach.rule_engine import Check, Judged, Row

TABLE = "mart.decision_check"


def make(inputs: Inputs) -> pl.DataFrame:
    """Make a row per account, rule and condition: what was asked, what was found, whether it held, what decided.

    The table keeps the rules as they stood, so that a snapshot alone can account for its decisions.
    """
    rows = [
        {
            "as_of": inputs.as_of,
            "platform": verdict.key[0],
            "account_id": verdict.key[1],
            "rule_no": rule_no,
            "has_decided": judged is verdict.decided,
            "condition_no": condition_no,
            **_checked(judged, check),
        }
        for verdict in decide(inputs).verdicts
        for rule_no, judged in enumerate(verdict.judged, start=1)
        for condition_no, check in enumerate(judged.checks, start=1)
    ]
    return typed_frame("decision_check", rows)


def _checked(judged: Judged, check: Check) -> Row:
    """Give the columns of one condition of one rule."""
    return {
        "rule_id": judged.rule.rule_id,
        "action": judged.rule.action,
        "measure": check.condition.measure,
        "segment_scope": check.condition.segment,
        "segment_id": check.segment_id,
        "bound": check.condition.bound,
        "comparison": check.condition.comparison,
        "threshold": check.condition.threshold,
        "threshold_reason": check.condition.why,
        "value": check.found,
        "is_held": check.is_held,
    }
