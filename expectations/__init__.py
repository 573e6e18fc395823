"""What must hold beyond the contracts, layer by layer: one module per table, native Great Expectations in Python.

Each module names its `TABLE` and gives `expectations(night)`. Every expectation has an id, a severity
(`critical` stops the night, `warning` is shown beside the numbers) and notes: what a person should do.
Unique keys, not-null columns, closed lists and types follow from the contracts: see
`pipelines/validation/contract_suite.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import great_expectations.expectations as gxe
from great_expectations.compatibility import pydantic


class ExpectNoRows(gxe.UnexpectedRowsExpectation):
    """Expect a query to find nothing, and only count what it finds.

    Great Expectations' own class runs the query twice, the second time to fetch rows: that doubles the cost on tables
    of people, and a row of a person must not leave the database. It also prints a complaint about a query that names
    its table instead of `{batch}`.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    @pydantic.validator("unexpected_rows_query", allow_reuse=True)
    @classmethod
    def _validate_query(cls, query: str) -> str:
        return query.strip()

    def _validate(
        self,
        metrics: Mapping[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        n_rows = metrics["unexpected_rows_query.row_count"]
        return {"success": n_rows == 0, "result": {"observed_value": n_rows}}


@dataclass(frozen=True)
class NightContext:
    """What an expectation may depend on: the day, and the bands of `sql/ref/bands.yml`."""

    as_of: date
    bands: dict[str, float]


def no_rows(expectation_id: str, severity: str, notes: str, query: str) -> ExpectNoRows:
    """Expect a query over `{batch}` to find nothing."""
    return ExpectNoRows(unexpected_rows_query=query, **about(expectation_id, severity, notes))


def about(expectation_id: str, severity: str, notes: str) -> dict[str, Any]:
    """Give the id, severity and notes of an expectation as keyword arguments."""
    return {"severity": severity, "notes": notes, "meta": {"expectation_id": expectation_id}}
