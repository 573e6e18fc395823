"""What must hold of spells of following."""

from typing import Any

from expectations import Tonight, no_rows

TABLE = "core.follow"


def expectations(tonight: Tonight) -> list[Any]:
    """Spells run forward in time and do not overlap."""
    notes = "A fault of ours in sql/core/follow.sql: keep the deliveries and report it."
    return [
        no_rows(
            "follow_runs_forward",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE first_seen_on > last_seen_on OR ended_on <= last_seen_on",
        ),
        no_rows(
            "follow_is_open_once",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE ended_on IS NULL "
            "GROUP BY account_id, member_key HAVING count(*) > 1",
        ),
    ]
