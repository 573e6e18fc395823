"""What must hold of the evidence for decisions."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.decision_evidence"


def expectations(night: NightContext) -> list[Any]:
    """A missing figure has its reason, and a bound comes with its figure, on the right side of it."""
    notes = "A fault of ours in pipelines/marts/decision_evidence.py: keep the data and report it."
    return [
        no_rows(
            "missing_evidence_has_its_reason",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE value IS NULL AND evidence_reason IS NULL",
        ),
        no_rows(
            "evidence_lies_in_its_interval",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE value_lo > value + 0.5 OR value_hi < value - 0.5
                OR (unit LIKE 'share of%' AND (value_lo > value + 1e-3 OR value_hi < value - 1e-3))
                OR (value IS NULL AND (value_lo IS NOT NULL OR value_hi IS NOT NULL))
            """,
        ),
    ]
