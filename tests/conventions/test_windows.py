"""Windows are reference data: a model takes them from core.time_window, never from a number of days in its SQL."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from pipelines.warehouse.catalogue import LAYERS, SqlModel, sql_models

# A week and a month are the calendar's.
CALENDAR = {("DAY", day) for day in range(8)} | {("MONTH", 1)}
# Words of profiles are kept for 180 days, a limit of docs/POLICY.md that no deployment changes.
RETENTION = {"core.word_hit"}
MODELS = [
    model for layer in LAYERS if layer != "stg" for model in sql_models(layer) if model.full_name not in RETENTION
]
A_WEEK = 7


def literal_windows(sql: str) -> Iterator[str]:
    """Give each interval, and each number of days added to a date, that is longer than the calendar's units."""
    for node in sqlglot.parse_one(sql, read="duckdb").walk():
        if isinstance(node, exp.Interval) and isinstance(node.this, exp.Literal):
            if (str(node.unit).upper(), int(node.this.this)) not in CALENDAR:
                yield node.sql("duckdb")
        elif isinstance(node, exp.Add | exp.Sub):
            number, date = node.right, node.left
            if isinstance(number, exp.Literal) and number.is_int and int(number.this) > A_WEEK and _is_date(date):
                yield node.sql("duckdb")


def _is_date(node: Any) -> bool:
    names = [one.name for one in node.find_all(exp.Column)] + [str(one.this) for one in node.find_all(exp.Anonymous)]
    is_cast = any(one.to.is_type("date") for one in node.find_all(exp.Cast))
    return is_cast or any(name.endswith("_on") or name == "getvariable" for name in names)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.full_name)
def test_a_model_holds_no_number_of_days(model: SqlModel) -> None:
    found = list(literal_windows(model.sql))
    assert not found, f"{found}: add a band to sql/ref/bands.yml and a column to core.time_window"


@pytest.mark.parametrize(
    "where",
    [
        "engaged_on > getvariable('as_of') - INTERVAL 90 DAY",
        "engaged_on > getvariable('as_of') - INTERVAL '13' WEEK",
        "engaged_on > getvariable('as_of') - 90",
        "max(lively_on) + 90 > day",
        "CAST(posted_at AS DATE) - 28 > day",
    ],
)
def test_a_number_of_days_is_noticed(where: str) -> None:
    assert list(literal_windows(f"SELECT 1 FROM a WHERE {where}"))


@pytest.mark.parametrize("where", ["week_on + 6 < day", "week_at - INTERVAL 7 DAY < day", "n_posts + 100 > n_likes"])
def test_weeks_and_other_numbers_may_stand(where: str) -> None:
    assert not list(literal_windows(f"SELECT 1 FROM a WHERE {where}"))
