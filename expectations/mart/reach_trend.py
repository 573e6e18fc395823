"""What must hold of weekly series."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.reach_trend"


def expectations(night: NightContext) -> list[Any]:
    """A week has a figure or a gap, and nobody of a segment is active who is not of everyone."""
    notes = "A fault of ours in sql/mart/reach_trend.sql: keep the data and report it."
    return [
        no_rows(
            "week_has_a_figure_or_a_gap",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE (active_people IS NULL) = (gap_reason IS NULL)",
        ),
        no_rows(
            "segment_is_part_of_everyone",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch} AS segment
            INNER JOIN {batch} AS everyone
                ON segment.platform = everyone.platform AND segment.account_id = everyone.account_id
                AND segment.week_on = everyone.week_on AND everyone.segment_id = 'everyone'
            WHERE segment.active_people > everyone.active_people + 1e-6
            """,
        ),
    ]
