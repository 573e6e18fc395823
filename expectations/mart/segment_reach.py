"""What must hold of reach."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import NightContext, about, no_rows

TABLE = "mart.segment_reach"


def expectations(night: NightContext) -> list[Any]:
    """Exclusive <= fair share <= reach <= segment, apart from rounding; missing figures have reasons."""
    notes = "A fault of ours in sql/mart/segment_reach.sql: keep the data and report it."
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="coverage_share", min_value=0, max_value=1, **about("coverage_is_a_share", "critical", notes)
        ),
        no_rows(
            "reach_is_in_order",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE exclusive_people > fair_share_people + 0.500001 OR fair_share_people > reach_people + 0.500001
                OR reach_people > segment_people
            """,
        ),
        no_rows(
            "reach_lies_in_its_bounds",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE reach_people NOT BETWEEN reach_people_lo AND coalesce(reach_people_hi, reach_people)
            """,
        ),
        no_rows(
            "missing_reach_has_its_reason",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE reach_status <> 'exact' AND reach_reason IS NULL",
        ),
        no_rows(
            "totals_have_no_reach",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE (reach_people IS NULL) <> (reach_status = 'unknown')
            """,
        ),
    ]
