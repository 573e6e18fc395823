"""What must hold of single closures."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import Tonight, about, no_rows

TABLE = "mart.closure_effect"


def expectations(tonight: Tonight) -> list[Any]:
    """One row per question; lost and kept add up to the account's reach; lost lie in their bounds; reasons."""
    notes = "A fault of ours in sql/mart/closure_effect.sql: keep the data and report it."
    return [
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["platform", "account_id", "segment_id", "basis"],
            **about("closure_is_one_row", "critical", notes),
        ),
        no_rows(
            "closure_adds_up",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE lost_people + kept_people <> reach_people OR reach_people > net_reach_people
                OR lost_visitor_people > lost_people OR next_account_people > kept_people + 1
            """,
        ),
        no_rows(
            "lost_people_lie_in_their_bounds",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} "
            "WHERE NOT (lost_people + 0.500001 >= lost_people_lo AND lost_people - 0.500001 <= lost_people_hi)",
        ),
        no_rows(
            "missing_closure_has_its_reason",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE lost_people IS NULL AND reach_reason IS NULL",
        ),
    ]
