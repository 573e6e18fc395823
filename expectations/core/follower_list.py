"""What must hold of follower lists."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "core.follower_list"


def expectations(night: NightContext) -> list[Any]:
    """Few lists lost more people than the band allows, and the lists of open accounts are fresh."""
    days = int(night.bands["follower_list_older_than_days"])
    hint = "Land it again complete, or, if it is right, name it in accepted_list.csv with the reason."
    return [
        no_rows(
            "follower_list_lost_no_crowd",
            "warning",
            f"Too few people of the list before stand in a complete list: it begins and ends no follow. {hint}",
            f"""
            SELECT 1 AS broken FROM (SELECT * FROM {{batch}}) AS list
            WHERE list.is_declared_complete AND NOT list.is_complete
                AND list.observed_on > DATE '{night.as_of}' - INTERVAL {days} DAY
            """,
        ),
        no_rows(
            "follower_list_did_not_collapse",
            "critical",
            f"Most complete lists lack people of the list before: the extract is cut off or damaged. {hint}",
            """
            WITH newest_lists AS (
                SELECT *, max(observed_on) OVER (PARTITION BY platform, account_id) AS newest_on
                FROM (SELECT * FROM {batch}) AS list
            )
            SELECT 1 AS broken FROM newest_lists
            WHERE observed_on = newest_on AND is_declared_complete
            HAVING count(*) FILTER (WHERE NOT is_complete) * 2 > count(*)
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
