"""What must hold of reporting value."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "mart.reporting_value"


def expectations(night: NightContext) -> list[Any]:
    """Channels add up to the month, contacts without a channel have no reach, and what is missing says why."""
    notes = "A fault of ours in sql/mart/reporting_value.sql: keep the data and report it."
    return [
        no_rows(
            "channels_add_up_to_the_month",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            GROUP BY month_on, kind
            HAVING sum(n) <> max(n_all_channels)
            """,
        ),
        no_rows(
            "unrecorded_channels_are_not_spread",
            "critical",
            notes,
            """
            SELECT 1 AS broken FROM {batch}
            WHERE contacts_per_1000_active IS NOT NULL AND (platform IS NULL OR channel = 'none recorded')
            """,
        ),
        no_rows(
            "missing_reporting_value_has_its_reason",
            "critical",
            notes,
            "SELECT 1 AS broken FROM {batch} WHERE contacts_per_1000_active IS NULL AND reporting_reason IS NULL",
        ),
        no_rows(
            "contacts_have_a_channel",
            "warning",
            "More than a fifth of a month's contacts name no channel: shares of channels say less than they seem to. "
            "Ask whoever records contacts.",
            f"""
            SELECT 1 AS broken FROM {{batch}}
            WHERE channel = 'none recorded' AND n_all_channels >= 50
                AND channel_share > {night.bands["contacts_without_channel"]}
            """,
        ),
    ]
