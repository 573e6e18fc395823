"""What must hold of engagements."""

from datetime import date
from typing import Any

import great_expectations.expectations as gxe

from expectations import NightContext, about

TABLE = "core.engagement"


def expectations(night: NightContext) -> list[Any]:
    """No interaction is dated before social media existed."""
    return [
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
