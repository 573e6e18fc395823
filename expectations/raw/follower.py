"""What must hold of follower rows that were let in."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import Tonight, about

TABLE = "stg.follower"


def expectations(tonight: Tonight) -> list[Any]:
    """Every row names its account and a person, and no list is from tomorrow."""
    notes = "A row without it passed the door: a fault of ours in pipelines/warehouse/raw.py. Report it."
    return [
        gxe.ExpectColumnValuesToNotBeNull(
            column="account_id", **about("follower_names_its_account", "critical", notes)
        ),
        gxe.ExpectColumnValuesToNotBeNull(column="member_key", **about("follower_has_a_pseudonym", "critical", notes)),
        gxe.ExpectColumnValuesToBeBetween(
            column="observed_on",
            max_value=tonight.as_of,
            **about("follower_list_is_not_from_tomorrow", "critical", "Check the extract's clock and land it again."),
        ),
    ]
