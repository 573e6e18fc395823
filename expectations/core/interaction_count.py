"""What must hold of counts of interactions."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "core.interaction_count"


def expectations(night: NightContext) -> list[Any]:
    """The groups of every segment add up to the account's acts; nothing is below 0, but for rounding."""
    notes = "A fault of ours in sql/core/interaction_count.sql: keep the data and report it."
    return [
        no_rows(
            "groups_add_up_to_all_acts",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            GROUP BY platform, account_id
            HAVING abs(
                sum(n_applause + n_conversation + n_amplification + n_mentions) / count(DISTINCT segment_id)
                - sum(
                    CASE
                        WHEN segment_id = 'everyone' THEN n_applause + n_conversation + n_amplification + n_mentions
                        ELSE 0
                    END
                )
            ) > 0.001
            """,
        ),
        no_rows(
            "acts_are_in_order",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE n_hostile > n_judged + 0.001 OR n_judged > n_texts + 0.001 OR n_texts > n_worded + 0.001
                OR least(engaged_people, n_hostile, n_applause, n_substantive) < -0.001
            """,
        ),
    ]
