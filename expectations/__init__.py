"""What must hold, layer by layer: one module per table, native Great Expectations, written in Python.

Each module names its `TABLE` and gives `expectations(tonight)`. Every expectation has an id, a severity
(`critical` stops the night, `warning` is shown beside the numbers) and notes: what a person should do.
Queries select `1`, never a column of a person: Great Expectations fetches some of the rows that it counts.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import great_expectations.expectations as gxe


@dataclass(frozen=True)
class Tonight:
    """What an expectation may depend on: the day, and the bands of `sql/ref/bands.yml`."""

    as_of: date
    bands: dict[str, float]


def no_rows(expectation_id: str, severity: str, notes: str, query: str) -> gxe.UnexpectedRowsExpectation:
    """Expect a query over `{batch}` to find nothing."""
    return gxe.UnexpectedRowsExpectation(
        unexpected_rows_query=query, severity=severity, notes=notes, meta={"expectation_id": expectation_id}
    )


def about(expectation_id: str, severity: str, notes: str) -> dict[str, Any]:
    """What every expectation says of itself, as keyword arguments."""
    return {"severity": severity, "notes": notes, "meta": {"expectation_id": expectation_id}}
