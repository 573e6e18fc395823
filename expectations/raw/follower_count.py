"""What must hold of follower counts beside the platform's own."""

from typing import Any

from expectations import Tonight, no_rows

TABLE = "meta.follower_count"


def expectations(tonight: Tonight) -> list[Any]:
    """Where a sender gave the platform's own count, ours is near it."""
    band = tonight.bands["reported_followers_apart"]
    return [
        no_rows(
            "follower_count_agrees_with_platform",
            "warning",
            "A list is shorter or longer than the platform's own count: it may be incomplete. Declare it partial.",
            f"SELECT 1 AS broken FROM {{batch}} WHERE abs(n_collected - n_reported) > {band} * n_reported",
        )
    ]
