"""What must hold of the counts and bounds that reach is made of."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "core.reach_interval"


def expectations(night: NightContext) -> list[Any]:
    """Nobody is counted who was not found, and a count lies in its bounds."""
    notes = "A fault of ours in sql/core/reach_interval.sql: keep the data and report it."
    return [
        no_rows(
            "count_lies_in_its_bounds",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE NOT coalesce(people_lo <= people AND people <= people_hi AND people_lo >= 0, false)
                OR people_hi > found_people + 0.000001
            """,
        ),
    ]
