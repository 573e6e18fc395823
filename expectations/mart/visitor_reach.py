"""What must hold of visitors."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.visitor_reach"


def expectations(night: NightContext) -> list[Any]:
    """People add up, the share lies in its interval or has a reason, and some declared places are recognised."""
    notes = "A fault of ours in pipelines/marts/visitor_reach.py: keep the data and report it."
    return [
        no_rows(
            "visitors_locals_and_unknown_add_up",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE abs(home_people + visitor_people + unknown_people - reach_people) > 1e-6
            """,
        ),
        no_rows(
            "visitor_share_lies_in_its_interval",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE NOT (0 <= visitor_share_lo AND visitor_share_lo <= visitor_share
                AND visitor_share <= visitor_share_hi AND visitor_share_hi <= 1)
            """,
        ),
        no_rows(
            "missing_visitor_share_has_its_reason",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE (visitor_share IS NULL) <> (visitor_reason IS NOT NULL)",
        ),
        no_rows(
            "declared_places_are_read",
            "warning",
            "Almost nobody's place could be placed: are place.csv and home_area.geojson of this county, and does the "
            "extract still hold what people declare?",
            """
            SELECT 1 AS broken FROM {batch}
            WHERE segment_id = 'everyone' AND reach_people >= 100 AND unknown_people > 0.95 * reach_people
            """,
        ),
    ]
