"""What must hold of members."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import Tonight, about

TABLE = "core.member"


def expectations(tonight: Tonight) -> list[Any]:
    """A member is one row."""
    return [
        gxe.ExpectColumnValuesToBeUnique(
            column="member_key",
            **about(
                "member_is_one_row", "critical", "A fault of ours in sql/core/member.sql: keep the data and report it."
            ),
        )
    ]
