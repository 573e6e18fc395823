"""What must hold of follower lists."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "core.follower_list"


def expectations(night: NightContext) -> list[Any]:
    """No list collapsed overnight, and the lists of open accounts are fresh."""
    share = night.bands["follower_list_shrinks_to"]
    least = night.bands["follower_list_shrink_matters_from"]
    days = int(night.bands["follower_list_older_than_days"])
    return [
        no_rows(
            "follower_list_did_not_collapse",
            "critical",
            "A complete list is less than half as long as the one before. Land it again whole, land it as partial, "
            "or, if it is right, name it in accepted_list.csv with the reason.",
            f"""
            SELECT 1 AS broken
            FROM (SELECT * FROM {{batch}}) AS list
            LEFT JOIN ref.accepted_list AS accepted USING (platform, account_id, observed_on)
            WHERE list.is_complete AND accepted.reason IS NULL
                AND list.list_people_before >= {least} AND list.list_people < {share} * list.list_people_before
            """,
        ),
        no_rows(
            "follower_list_is_fresh",
            "warning",
            "An open account's newest list is old: who follows it today is not known. Ask its source for a new one.",
            f"""
            SELECT 1 AS broken
            FROM (SELECT * FROM {{batch}}) AS list
            INNER JOIN core.account USING (platform, account_id)
            WHERE account.role = 'own' AND account.is_open
            GROUP BY platform, account_id
            HAVING max(list.observed_on) < DATE '{night.as_of}' - INTERVAL {days} DAY
            """,
        ),
    ]
