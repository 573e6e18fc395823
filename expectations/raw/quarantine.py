"""What must hold of the rows that were rejected."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import NightContext, about

TABLE = "meta.quarantine"


def expectations(night: NightContext) -> list[Any]:
    """Nothing was rejected, and no value was set to unknown."""
    return [
        gxe.ExpectTableRowCountToEqual(
            value=0,
            **about(
                "quarantine_is_empty",
                "warning",
                "Some rows were rejected, or lost an optional value. meta.quarantine says which delivery and why.",
            ),
        )
    ]
