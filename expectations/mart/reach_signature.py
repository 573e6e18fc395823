"""What must hold of reach signatures."""

from typing import Any

import great_expectations.expectations as gxe

from expectations import NightContext, about, no_rows

TABLE = "mart.reach_signature"


def expectations(night: NightContext) -> list[Any]:
    """Signatures hold people and add up to everybody present."""
    notes = "A fault of ours in sql/mart/reach_signature.sql: keep the data and report it."
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="n_members", min_value=1, **about("signature_holds_people", "critical", notes)
        ),
        no_rows(
            "signatures_add_up_to_everyone",
            "critical",
            notes,
            """
            SELECT 1 AS broken
            FROM (SELECT DISTINCT platform, basis FROM {batch}) AS measured
            LEFT JOIN (
                SELECT platform, basis, sum(people) AS people
                FROM {batch} WHERE segment_id = 'everyone' GROUP BY platform, basis
            ) AS counted USING (platform, basis)
            LEFT JOIN (
                SELECT platform, count(*) AS people FROM core.member WHERE is_present GROUP BY platform
            ) AS present USING (platform)
            WHERE counted.people IS DISTINCT FROM present.people
            """,
        ),
    ]
