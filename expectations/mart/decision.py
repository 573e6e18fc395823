"""What must hold of decisions."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import Tonight, about, no_rows
from pipelines.reach.decision_rule import ACTIONS

TABLE = "mart.decision"


def expectations(tonight: Tonight) -> list[Any]:
    """Every open account has one action of the vocabulary; none goes while nobody knows who would be lost."""
    notes = "A fault of ours in pipelines/marts/decision.py: keep the data and report it."
    return [
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["platform", "account_id"], **about("decision_is_one_row", "critical", notes)
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="action", value_set=list(ACTIONS), **about("decision_is_a_known_action", "critical", notes)
        ),
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
