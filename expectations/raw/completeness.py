"""What must hold of lists beside the platform's own counts."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "meta.completeness"

# What an earlier delivery lacked and a later one brought needs nobody to do anything.
NEWEST_LISTS = (
    "(SELECT *, max(snapshot_on) OVER (PARTITION BY platform, account_id, list_kind) AS newest_on FROM {batch}) "
    "AS list WHERE snapshot_on = newest_on"
)


def expectations(night: NightContext) -> list[Any]:
    """A list that is declared complete holds about as many entries as the platform counts."""
    least = night.bands["acts_collected_at_least"]
    return [
        no_rows(
            "follower_count_agrees_with_platform",
            "warning",
            "A follower list is shorter or longer than the platform's own count: it counts as partial and ends no "
            "follow. Ask its source again; `stillreach status` names the account.",
            f"SELECT 1 AS broken FROM {NEWEST_LISTS} AND list_kind = 'follower' "
            "AND is_declared_complete AND scope = 'partial'",
        ),
        no_rows(
            "complete_list_holds_what_the_platform_counts",
            "warning",
            "Lists of interactions are declared complete and hold far less than the platform counts: their source may "
            "stop early without saying so. Rates from them are lower bounds.",
            f"SELECT 1 AS broken FROM {NEWEST_LISTS} AND list_kind IN ('like', 'repost', 'quote', 'reply') "
            f"AND scope = 'complete' AND n_collected < {least} * n_reported",
        ),
    ]
