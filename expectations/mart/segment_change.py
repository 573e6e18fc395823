"""What must hold of the changes of segments."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.segment_change"


def expectations(night: NightContext) -> list[Any]:
    """Added up from the beginning, the changes are today's members."""
    return [
        no_rows(
            "changes_add_up_to_members",
            "critical",
            "A fault of ours in sql/mart/segment_change.sql: keep the data and report it.",
            """
            SELECT 1 AS broken
            FROM (
                SELECT segment_id, platform, sum(people_in - people_out) AS people
                FROM {batch} GROUP BY segment_id, platform
            ) AS added
            FULL JOIN (
                SELECT segment_id, platform, count(*) AS people
                FROM core.segment_membership WHERE left_on IS NULL GROUP BY segment_id, platform
            ) AS members USING (segment_id, platform)
            WHERE coalesce(added.people, 0) <> coalesce(members.people, 0)
            """,
        )
    ]
