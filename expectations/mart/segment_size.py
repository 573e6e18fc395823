"""What must hold of segment sizes."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.segment_size"


def expectations(night: NightContext) -> list[Any]:
    """Nobody is reached who is not in the segment, and somebody of each segment is reached."""
    return [
        no_rows(
            "size_is_in_order",
            "critical",
            "A fault of ours in sql/mart/segment_size.sql: keep the data and report it.",
            """
            SELECT 1 AS broken FROM {batch}
            WHERE reached_people > segment_people OR segment_people > everyone_people
            """,
        ),
        no_rows(
            "segment_is_reached_somewhere",
            "warning",
            "None of our accounts reaches anybody of a segment on any platform.",
            "SELECT 1 AS broken FROM {batch} GROUP BY segment_id HAVING sum(reached_people) = 0",
        ),
    ]
