"""What must hold of every delivery in the numbers."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "meta.delivery"


def expectations(night: NightContext) -> list[Any]:
    """Every row that came is accounted for, and few were rejected."""
    band = night.bands["quarantined_share_of_delivery"]
    return [
        no_rows(
            "delivery_rows_are_accounted_for",
            "critical",
            "Rows were lost between the file and the tables: a fault of ours. Keep the delivery and report it.",
            "SELECT 1 AS broken FROM {batch} "
            "WHERE n_rows IS DISTINCT FROM n_rows_loaded + n_rows_quarantined + n_rows_duplicate",
        ),
        no_rows(
            "delivery_is_mostly_fit",
            "critical",
            "`stillreach quarantine` says why rows were rejected. Mend the extract or account.csv and land it again.",
            f"SELECT 1 AS broken FROM {{batch}} WHERE n_rows_quarantined > {band} * n_rows AND n_rows >= 100",
        ),
        no_rows(
            "delivery_holds_something",
            "critical",
            "No row of a table could be used. `stillreach quarantine` says why; mend the extract and land it again.",
            "SELECT 1 AS broken FROM {batch} WHERE n_rows_loaded = 0 AND n_files IS DISTINCT FROM 0",
        ),
        no_rows(
            "delivery_repeats_little",
            "warning",
            "More than one row in a hundred is a repeat: the extract may be reading pages twice.",
            "SELECT 1 AS broken FROM {batch} WHERE n_rows_duplicate > 0.01 * n_rows",
        ),
        no_rows(
            "delivery_brought_a_file",
            "warning",
            "A source was asked and brought nothing on its newest day. meta.completeness says why; see its credentials "
            "and whether its platform answers.",
            "SELECT 1 AS broken FROM (SELECT source, n_files, snapshot_on, max(snapshot_on) OVER (PARTITION BY source) "
            "AS newest_on FROM {batch}) AS delivery WHERE n_files = 0 AND snapshot_on = newest_on",
        ),
    ]
