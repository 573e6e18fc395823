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
    apart = night.bands["reported_followers_apart"]
    least = night.bands["acts_collected_at_least"]
    return [
        no_rows(
            "follower_count_agrees_with_platform",
            "warning",
            "A follower list that is declared complete is shorter or longer than the platform's own count: it may be "
            "incomplete, and would end spells. Ask its source again, or declare it partial.",
            f"SELECT 1 AS broken FROM {NEWEST_LISTS} AND list_kind = 'follower' AND scope <> 'partial' "
            f"AND abs(n_collected - n_reported) > {apart} * n_reported",
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
