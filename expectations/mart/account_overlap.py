"""What must hold of the overlap of accounts."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.account_overlap"


def expectations(night: NightContext) -> list[Any]:
    """An overlap is of both: one way as large as the other; its three shares stand in their order."""
    notes = "A fault of ours in sql/mart/account_overlap.sql: keep the data and report it."
    return [
        no_rows(
            "overlap_is_of_both",
            "critical",
            notes,
            """
            SELECT 1 AS broken
            FROM {batch} AS one
            LEFT JOIN mart.account_overlap AS other
                ON one.segment_id = other.segment_id AND one.platform = other.platform AND one.basis = other.basis
                AND one.account_id = other.other_account_id AND one.other_account_id = other.account_id
            WHERE other.account_id IS NULL OR one.overlap_people IS DISTINCT FROM other.overlap_people
            """,
        ),
        no_rows(
            "overlap_shares_are_in_order",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE overlap_jaccard > overlap_of_base + 0.000001 OR overlap_of_base > overlap_of_smaller + 0.000001
                OR overlap_of_smaller > 1.000001
            """,
        ),
        no_rows(
            "missing_overlap_has_its_reason",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE overlap_of_smaller IS NULL AND overlap_reason IS NULL",
        ),
    ]
