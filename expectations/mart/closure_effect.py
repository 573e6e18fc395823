"""What must hold of single closures."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.closure_effect"


def expectations(night: NightContext) -> list[Any]:
    """Lost and kept people add up to the account's reach; lost people lie in their bounds or have a reason."""
    notes = "A fault of ours in sql/mart/closure_effect.sql: keep the data and report it."
    return [
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
            "SELECT 1 AS broken FROM {batch} WHERE reach_status <> 'exact' AND reach_reason IS NULL",
        ),
    ]
