"""What must hold of the lists that deliveries hold."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "core.list_reading"


def expectations(night: NightContext) -> list[Any]:
    """Every list of the last weeks is used."""
    days = int(night.bands["follower_list_older_than_days"])
    return [
        no_rows(
            "follower_list_is_used",
            "warning",
            "A follower list is not used: another complete list of its day holds other people, or it repeats an older "
            "one. Withdraw the delivery that landed for the wrong day (`stillreach withdraw`).",
            f"SELECT 1 AS broken FROM {{batch}} WHERE unused_reason IS NOT NULL "
            f"AND observed_on > DATE '{night.as_of}' - INTERVAL {days} DAY",
        ),
    ]
