"""What must hold of the scorecards."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.account_scorecard"


def expectations(night: NightContext) -> list[Any]:
    """Our counts agree with each other, and with the platform's."""
    band = night.bands["reported_followers_apart"]
    return [
        no_rows(
            "scorecard_agrees_with_reach",
            "critical",
            "A fault of ours in sql/mart: an open account's followers and its reach are counted apart. Report it.",
            "SELECT 1 AS broken FROM {batch} WHERE is_open AND followers IS DISTINCT FROM reach_people",
        ),
        no_rows(
            "followers_agree_with_platform",
            "warning",
            "Our lists and the platform's own count are apart: a list may be incomplete, or one of them old.",
            "SELECT 1 AS broken FROM {batch} WHERE followers IS NOT NULL AND followers_reported_on = follower_list_on "
            f"AND abs(followers - followers_reported) > {band} * followers_reported",
        ),
    ]
