"""What must hold of follower rows that were let in."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import NightContext, about

TABLE = "stg.follower"


def expectations(night: NightContext) -> list[Any]:
    """No list is from tomorrow."""
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="observed_on",
            max_value=night.as_of,
            **about("follower_list_is_not_from_tomorrow", "critical", "Check the extract's clock and land it again."),
        ),
    ]
