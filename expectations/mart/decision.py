"""What must hold of decisions."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.decision"


def expectations(night: NightContext) -> list[Any]:
    """Every open account has an action; no account is closed without an estimate of who is lost."""
    notes = "A fault of ours in pipelines/marts/decision.py: keep the data and report it."
    return [
        no_rows(
            "no_account_goes_on_missing_evidence",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE action IN ('close', 'merge into') AND lost_people IS NULL",
        ),
        no_rows(
            "every_open_account_is_decided",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM core.account
            LEFT JOIN {batch} AS decision
                ON account.platform = decision.platform AND account.account_id = decision.account_id
            WHERE account.role = 'own' AND account.is_open AND decision.action IS NULL
            """,
        ),
    ]
