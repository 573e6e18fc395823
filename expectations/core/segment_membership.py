"""What must hold of memberships."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "core.segment_membership"


def expectations(night: NightContext) -> list[Any]:
    """Spells begin before they end and do not overlap; probabilities are from 0 to 1; members are present."""
    return [
        no_rows(
            "membership_spells_do_not_overlap",
            "critical",
            "A fault of ours in sql/core: keep the data and report it.",
            """
            SELECT 1 AS broken
            FROM (
                SELECT
                    entered_on,
                    left_on,
                    lead(entered_on) OVER (PARTITION BY segment_id, member_key ORDER BY entered_on) AS next_on
                FROM (SELECT DISTINCT segment_id, member_key, entered_on, left_on FROM {batch}) AS different_spells
            ) AS spells
            WHERE left_on <= entered_on OR coalesce(left_on, DATE '9000-01-01') > next_on
            """,
        ),
        no_rows(
            "membership_probability_is_one",
            "critical",
            "A fault of ours in sql/core: keep the data and report it.",
            "SELECT 1 AS broken FROM {batch} WHERE NOT coalesce(membership_probability BETWEEN 0 AND 1, false)",
        ),
        no_rows(
            "members_are_present",
            "critical",
            "A fault of ours in sql/core: keep the data and report it.",
            "SELECT 1 AS broken FROM {batch} "
            "WHERE left_on IS NULL "
            "AND coalesce(member_key NOT IN (SELECT member_key FROM core.member WHERE is_present), true)",
        ),
        no_rows(
            "segment_has_members",
            "warning",
            "A segment has nobody: its words or seed accounts may be misspelt, or its people are not in the extracts.",
            "SELECT 1 AS broken FROM ref.segment "
            "WHERE segment_id NOT IN (SELECT segment_id FROM {batch} WHERE left_on IS NULL)",
        ),
    ]
