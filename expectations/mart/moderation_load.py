"""What must hold of the load of moderation."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.moderation_load"


def expectations(night: NightContext) -> list[Any]:
    """Hostile texts lie in their interval and are no more than the texts; what is missing says why."""
    notes = "A fault of ours in pipelines/marts/moderation_load.py: keep the data and report it."
    return [
        no_rows(
            "hostile_texts_lie_in_their_interval",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE NOT (
                0 <= hostile_texts_lo AND hostile_texts_lo <= hostile_texts AND hostile_texts <= hostile_texts_hi
                AND hostile_texts_hi <= n_texts + 0.001
            )
            """,
        ),
        no_rows(
            "missing_load_has_its_reason",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE hostile_texts IS NULL AND quality_reason IS NULL",
        ),
    ]
