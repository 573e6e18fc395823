"""Every worked example under this folder holds, says why each of its rows is there, and leaves no model out."""

import re
from dataclasses import replace

import pytest

from pipelines.warehouse.catalogue import tables_read
from tests.sql.case_runner import (
    Case,
    all_cases,
    all_models,
    differences,
    every_table,
    filled_bench,
    may_give,
    run_case,
    select,
)

ROW = re.compile(r"\s+- ")
REASONED = re.compile(r".*[\]}]  # \S.{2,}")
SENTENCE = re.compile(r"[a-z0-9]+(_[a-z0-9]+){2,}")


def _marked(case: Case) -> object:
    marks = [pytest.mark.xfail(reason=case.xfail, strict=True)] if case.xfail else []
    return pytest.param(case, id=case.id, marks=marks)


@pytest.mark.parametrize("case", [_marked(case) for case in all_cases()])
def test_the_model_gives_the_rows_the_case_expects(case: Case) -> None:
    reported = differences(case.expect, run_case(case))
    assert not reported, "\n".join([case.why, *reported])


@pytest.mark.parametrize("case", [_marked(case) for case in all_cases()])
def test_the_order_of_the_rows_given_decides_nothing(case: Case) -> None:
    backwards = {table: rows[::-1] for table, rows in case.given.items()}
    assert not differences(case.expect, run_case(replace(case, given=backwards)))


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_every_row_of_a_case_carries_its_reason(case: Case) -> None:
    lines = case.path.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if ROW.match(line)]
    promised = [line for line in lines if line.startswith("expect: ")]
    without = [line.strip() for line in rows + promised if not REASONED.fullmatch(line)]
    assert not without, "a row says its fate in a comment at its end"
    n_rows = sum(map(len, case.given.values())) + len(case.expect)
    assert len(rows) == n_rows, "a row is one line"


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_a_case_is_named_by_a_sentence_and_gives_only_what_its_model_reads(case: Case) -> None:
    assert SENTENCE.fullmatch(case.path.stem), "its file name is a sentence"
    assert len(case.why.split()) > 3
    assert set(case.given) <= may_give(case.model)
    named = {name for row in case.expect for name in row}
    assert named <= set(all_models()[case.model].contract.column_names)


def test_every_model_has_a_case_and_every_case_a_model() -> None:
    assert {case.model for case in all_cases()} == set(all_models())


@pytest.mark.parametrize("name", all_models())
def test_a_model_on_empty_tables_gives_the_columns_of_its_contract(name: str) -> None:
    model = all_models()[name]
    with filled_bench({}, all_cases()[0].as_of) as con:
        rows = select(con, model.sql)
        names = [column[0] for column in con.execute(model.sql).description or ()]
    assert tuple(names) == model.contract.column_names
    assert rows == []


def test_every_table_a_model_reads_is_one_a_contract_describes() -> None:
    known = set(every_table())
    for model in all_models().values():
        assert tables_read(model.sql) <= known
