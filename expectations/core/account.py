"""What must hold of accounts."""

from typing import Any

from expectations import Tonight, no_rows

TABLE = "core.account"


def expectations(tonight: Tonight) -> list[Any]:
    """Every open account of ours has some extract."""
    return [
        no_rows(
            "account_has_an_extract",
            "warning",
            "Nothing was ever delivered for an open account of ours: the report can say nothing of it.",
            """
            SELECT 1 AS broken FROM (SELECT * FROM {batch}) AS account
            WHERE role = 'own' AND is_open
                AND NOT EXISTS (SELECT 1 FROM core.follower_list AS l WHERE l.account_id = account.account_id)
                AND NOT EXISTS (SELECT 1 FROM core.account_day AS d WHERE d.account_id = account.account_id)
                AND NOT EXISTS (SELECT 1 FROM core.post AS p WHERE p.account_id = account.account_id)
            """,
        )
    ]
