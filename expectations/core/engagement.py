"""What must hold of engagements."""

from datetime import date
from typing import Any

import great_expectations.expectations as gxe

from expectations import Tonight, about

TABLE = "core.engagement"


def expectations(tonight: Tonight) -> list[Any]:
    """Acts are of the known kinds and have happened."""
    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="kind",
            value_set=["like", "reply", "repost", "quote", "mention"],
            **about("engagement_is_of_a_known_kind", "critical", "See docs/EXTRACTS.md for the kinds, and land again."),
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="engaged_on",
            min_value=date(2004, 1, 1),
            **about(
                "engagement_is_younger_than_social_media",
                "warning",
                "Acts are dated before any platform existed: the extract's dates are wrong.",
            ),
        ),
    ]
