"""What must hold of accounts."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "core.account"


def expectations(night: NightContext) -> list[Any]:
    """Every open account of ours has some extract."""
    return [
        no_rows(
            "account_has_an_extract",
            "warning",
            "Nothing was ever delivered for an open account of ours: the report cannot describe it.",
            """
            SELECT 1 AS broken
            FROM (SELECT * FROM {batch}) AS account
            WHERE role = 'own' AND is_open AND (platform, account_id) NOT IN (
                SELECT (platform, account_id) FROM core.follower_list
                UNION ALL SELECT (platform, account_id) FROM core.account_day
                UNION ALL SELECT (platform, account_id) FROM core.post
                UNION ALL SELECT (platform, account_id) FROM core.engagement
            )
            """,
        )
    ]
