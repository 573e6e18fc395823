"""What must hold of spells of following."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "core.follow"


def expectations(night: NightContext) -> list[Any]:
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
        no_rows(
            "follow_does_not_overlap",
            "critical",
            notes,
            """
            SELECT 1 AS broken
            FROM (SELECT * FROM {batch} WHERE ended_on IS NOT NULL) AS ended
            INNER JOIN core.follow AS other USING (account_id, member_key)
            WHERE other.first_seen_on < ended.ended_on AND coalesce(other.ended_on > ended.first_seen_on, true)
                AND (other.first_seen_on, other.last_seen_on, other.ended_on)
                    IS DISTINCT FROM (ended.first_seen_on, ended.last_seen_on, ended.ended_on)
            """,
        ),
    ]
