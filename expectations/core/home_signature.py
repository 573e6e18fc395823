"""What must hold of signatures split by home."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "core.home_signature"


def expectations(night: NightContext) -> list[Any]:
    """The bands of everybody add up to everybody present."""
    notes = "A fault of ours in sql/core/home_signature.sql: keep the data and report it."
    return [
        no_rows(
            "home_bands_add_up_to_everyone",
            "critical",
            notes,
            """
            SELECT 1 AS broken
            FROM (
                SELECT platform, basis, sum(people) AS people
                FROM {batch} WHERE segment_id = 'everyone' GROUP BY platform, basis
            ) AS counted
            LEFT JOIN (
                SELECT platform, count(*) AS people FROM core.member WHERE is_present GROUP BY platform
            ) AS present USING (platform)
            WHERE counted.people IS DISTINCT FROM present.people
            """,
        ),
    ]
