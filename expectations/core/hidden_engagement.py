"""What must hold of the people behind acts that no list shows."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "core.hidden_engagement"


def expectations(night: NightContext) -> list[Any]:
    """Only unlisted interactions have unlisted people, and what no platform counted is unknown, not 0."""
    notes = "A fault of ours in sql/core/hidden_engagement.sql: keep the data and report it."
    return [
        no_rows(
            "hidden_people_are_behind_hidden_acts",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE hidden_people_hi NOT BETWEEN 0 AND n_hidden_acts
                OR (hidden_people_hi IS NULL) <> (n_hidden_acts IS NULL)
            """,
        ),
    ]
