"""What must hold of coming, going and being there."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.community_flow"


def expectations(night: NightContext) -> list[Any]:
    """People of a week are those of the week before, plus arrivals, less departures, apart from rounding."""
    notes = "A fault of ours in sql/mart/community_flow.sql: keep the data and report it."
    least = night.bands["follower_list_shrink_matters_from"]
    keeps = night.bands["follower_list_shrinks_to"]
    return [
        no_rows(
            "flow_adds_up",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch} AS this_week
            INNER JOIN {batch} AS week_before
                ON this_week.segment_id = week_before.segment_id AND this_week.platform = week_before.platform
                AND this_week.week_on = week_before.week_on + 7
            WHERE abs(
                week_before.present_people + this_week.arrived_people + this_week.newly_listed_people
                - this_week.departed_people - this_week.unseen_people - this_week.present_people
            ) > 3
            """,
        ),
        no_rows(
            "missing_flow_has_its_reason",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE (present_people IS NULL OR arrived_people IS NULL) AND flow_reason IS NULL
                OR dormant_people IS NULL AND dormancy_reason IS NULL
            """,
        ),
        no_rows(
            "community_is_not_leaving_in_one_week",
            "warning",
            "So many of a segment went in one week: compare the follower lists of that week before you believe it.",
            f"""
            SELECT 1 AS broken FROM {{batch}}
            WHERE departed_people >= {least} AND present_people < {keeps} * (present_people + departed_people)
            """,
        ),
    ]
