"""What must hold of verdicts."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.reach_verdict"


def expectations(night: NightContext) -> list[Any]:
    """A verdict follows from its bounds, the bounds hold the count, and what is said has its reason."""
    notes = "A fault of ours in pipelines/marts/reach_verdict.py: keep the data and report it."
    return [
        no_rows(
            "verdict_follows_from_its_bounds",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE (
                verdict = 'reaches'
                AND coalesce(CASE WHEN threshold_measure = 'people' THEN active_people_lo ELSE active_share_lo END, -1)
                    < threshold - 1e-9
            ) OR (
                verdict = 'no longer reaches'
                AND coalesce(
                    CASE WHEN threshold_measure = 'people' THEN active_people_hi ELSE active_share_hi END, threshold
                ) >= threshold
            )
            """,
        ),
        no_rows(
            "bounds_hold_the_active_people",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE active_people_lo > active_people + 1e-9 OR active_people_hi < active_people - 1e-9
                OR active_share_lo > active_share + 1e-9 OR active_share_hi < active_share - 1e-9
            """,
        ),
        no_rows(
            "verdict_has_its_reason",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE coalesce(verdict_reason, '') = ''",
        ),
        no_rows(
            "who_is_not_counted_cannot_be_told",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE active_people IS NULL AND verdict <> 'cannot tell'",
        ),
    ]
