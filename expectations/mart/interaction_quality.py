"""What must hold of the quality of interactions."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.interaction_quality"


def expectations(night: NightContext) -> list[Any]:
    """Shares lie in their intervals, and what is missing says why."""
    notes = "A fault of ours in pipelines/marts/interaction_quality.py: keep the data and report it."
    return [
        no_rows(
            "hostile_share_lies_in_its_interval",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE NOT (
                0 <= hostile_share_lo AND hostile_share_lo <= hostile_share AND hostile_share <= hostile_share_hi
                AND hostile_share_hi <= 1
            )
            """,
        ),
        no_rows(
            "missing_quality_has_its_reason",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE (hostile_share IS NULL OR applause IS NULL) AND quality_reason IS NULL
            """,
        ),
        no_rows(
            "texts_can_be_judged",
            "warning",
            "Most replies hold no English word: the labeller knows English only, and its shares speak of the rest. "
            "Judge a sample by hand before using them.",
            f"""
            SELECT 1 AS broken FROM {{batch}}
            WHERE segment_id = 'everyone' AND n_texts >= {night.bands["texts_at_least"]}
                AND n_judged < {night.bands["texts_judged_at_least"]} * n_texts
            """,
        ),
    ]
