"""What must hold of what audits found."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.segment_quality"


def expectations(night: NightContext) -> list[Any]:
    """An estimate lies within its interval; an audit that moved is looked at."""
    return [
        no_rows(
            "estimate_lies_in_its_interval",
            "critical",
            "A fault of ours in pipelines/segments/label_audit.py: keep the data and report it.",
            "SELECT 1 AS broken FROM {batch} WHERE estimate NOT BETWEEN estimate_lo AND estimate_hi",
        ),
        no_rows(
            "audit_has_not_drifted",
            "warning",
            "The latest audit differs from the one before by more than chance: read both, mend the definition.",
            "SELECT 1 AS broken FROM {batch} WHERE is_in_force AND has_drifted",
        ),
    ]
