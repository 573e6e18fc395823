"""Derive cases from cases: a second platform, segment or account with the same rows must change nothing of the first.

`apart.yml` says for each model which columns it keeps apart. The twin of a case repeats the rows that have a value in
such a column, with another value there; the model must give what the case expects, and the same again for the twin.
A model that forgets the column in a join or a window mixes the two and gives something else.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

from tests.sql.case_runner import Case, Row, all_cases

APART = Path(__file__).with_name("apart.yml")


@cache
def kept_apart() -> dict[str, list[str]]:
    """Read which columns each model keeps apart."""
    read: dict[str, list[str]] = yaml.safe_load(APART.read_text(encoding="utf-8"))
    return read


@cache
def twins(model: str) -> tuple[Case, ...]:
    """Derive the twins of a model's cases, one for each column that the model keeps apart."""
    columns = kept_apart().get(model, [])
    return tuple(twin(case, one) for case in all_cases() if case.model == model and not case.xfail for one in columns)


def twin(case: Case, column: str) -> Case:
    """Repeat each row of a case that has a value in a column, with another value there.

    Rows to expect that do not name the column are repeated as they are.
    """
    given = {
        table: rows + [_changed(row, column) for row in rows if row.get(column) is not None]
        for table, rows in case.given.items()
    }
    expect = [_changed(row, column) for row in case.expect if column not in row or row[column] is not None]
    return replace(case, given=given, expect=case.expect + expect)


def _changed(row: Row, column: str) -> Row:
    value = row.get(column)
    if value is None:
        return row
    return row | {column: value + 1_000_003 if isinstance(value, int) else f"{value}-twin"}
