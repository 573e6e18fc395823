"""What must hold of signatures split by home."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import Tonight, about, no_rows
from pipelines.reference.gazetteer import BANDS

TABLE = "mart.home_signature"


def expectations(tonight: Tonight) -> list[Any]:
    """Bands are known ones, and everybody present stands in one of them."""
    notes = "A fault of ours in sql/mart/home_signature.sql: keep the data and report it."
    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="home_band", value_set=list(BANDS), **about("home_band_is_known", "critical", notes)
        ),
        no_rows(
            "home_bands_add_up_to_everyone",
            "critical",
            notes,
            """
            SELECT 1 AS broken
            FROM (
                SELECT platform, basis, sum(people) AS people
                FROM {batch} WHERE segment_id = 'everyone' GROUP BY platform, basis
            ) AS counted
            LEFT JOIN (
                SELECT platform, count(*) AS people FROM core.member WHERE is_present GROUP BY platform
            ) AS present USING (platform)
            WHERE counted.people IS DISTINCT FROM present.people
            """,
        ),
    ]
