"""What must hold of memberships."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import Tonight, about, no_rows

TABLE = "core.segment_membership"


def expectations(tonight: Tonight) -> list[Any]:
    """One row per segment and member, a probability that is one, and no segment without anybody."""
    return [
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["segment_id", "member_key"],
            **about("membership_is_one_row", "critical", "A fault of ours in sql/core: keep the data and report it."),
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
            "WHERE coalesce(member_key NOT IN (SELECT member_key FROM core.member WHERE is_present), true)",
        ),
        no_rows(
            "segment_has_members",
            "warning",
            "A segment has nobody: its words or seed accounts may be misspelt, or its people are not in the extracts.",
            "SELECT 1 AS broken FROM ref.segment WHERE segment_id NOT IN (SELECT segment_id FROM {batch})",
        ),
    ]
