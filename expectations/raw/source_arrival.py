"""What must hold of the sources that are pulled."""

from typing import Any

from expectations import NightContext, no_rows

TABLE = "meta.source_arrival"


def expectations(night: NightContext) -> list[Any]:
    """Each of them landed for this day before the night began."""
    return [
        no_rows(
            "every_source_landed_before_the_night",
            "warning",
            "A source that source.yml configures had not landed when the night began: its numbers are those of its "
            "newest day in meta.source_arrival. See its land_ DAG; landing it brings another night.",
            "SELECT 1 AS broken FROM {batch} WHERE NOT is_here",
        ),
    ]
