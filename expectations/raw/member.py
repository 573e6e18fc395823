"""What must hold of pseudonyms."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import Tonight, about

TABLE = "stg.member"


def expectations(tonight: Tonight) -> list[Any]:
    """No two people share a pseudonym."""
    return [
        gxe.ExpectColumnValuesToBeUnique(
            column="member_key",
            **about(
                "member_key_stands_for_one_person",
                "critical",
                "Two ids gave one pseudonym. Make a new key: every pseudonym changes, and the deliveries are replayed.",
            ),
        )
    ]
