"""What must hold of the frontier."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import NightContext, about, no_rows

TABLE = "mart.keep_frontier"


def expectations(night: NightContext) -> list[Any]:
    """Shares are shares; as many accounts as are said; one account more never keeps less weighted reach."""
    notes = "A fault of ours in pipelines/marts/keep_frontier.py: keep the data and report it."
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="kept_share", min_value=0, max_value=1.000001, **about("frontier_keeps_a_share", "critical", notes)
        ),
        no_rows(
            "frontier_counts_its_accounts",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE len(list_distinct(kept_account_ids)) <> n_kept",
        ),
        no_rows(
            "frontier_never_falls",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch} AS fewer
            INNER JOIN {batch} AS more
                ON fewer.platform = more.platform AND fewer.segment_id = more.segment_id
                    AND fewer.n_kept + 1 = more.n_kept
            WHERE more.weighted_reach_share < fewer.weighted_reach_share - 0.000000001
            """,
        ),
    ]
