"""Change each model a little: some case must notice. A case that no change can break proves nothing.

An ordinary run tries some mutants of each model; `make mutants` tries all of them.
"""

from fnmatch import fnmatchcase

import pytest

from tests.sql.case_runner import Case, all_models, differences, run_case
from tests.sql.mutant_runner import Equivalent, listed, mutants_of, sample, survivors
from tests.sql.mutants import mutants
from tests.sql.twins import kept_apart, twins

N_SAMPLED = 4


def test_cases_notice_four_of_five_mutants_of_a_sample() -> None:
    ran = [survivors(model, sample(model, N_SAMPLED)) for model in all_models()]
    alive, n_run = [mutant for of, _ in ran for mutant in of], sum(n for _, n in ran)
    assert n_run > 2 * len(all_models())
    assert len(alive) <= 0.2 * n_run, alive


@pytest.mark.parametrize("case", [twin for model in all_models() for twin in twins(model)], ids=lambda case: case.id)
def test_the_twin_of_a_case_changes_nothing_of_it(case: Case) -> None:
    assert not differences(case.expect, run_case(case))


def test_only_models_that_exist_keep_columns_apart() -> None:
    assert set(kept_apart()) <= set(all_models())


@pytest.mark.parametrize("entry", listed(), ids=lambda entry: f"{entry.model}: {entry.was}")
def test_each_listed_mutant_exists_and_has_a_reason(entry: Equivalent) -> None:
    models = [model for model in all_models() if fnmatchcase(model, entry.model)]
    assert any(mutant in entry for model in models for mutant in mutants_of(model)), "remove the entry, or renew it"
    assert len(entry.why.split()) > 3


SQL = """
WITH own AS (SELECT DISTINCT a.id FROM ref.a LEFT JOIN ref.b ON a.id = b.id WHERE a.n >= 3 AND b.x IS NULL)
SELECT id, CASE WHEN id > 1 THEN 'many' ELSE 'one' END AS size, max(coalesce(n, 0)) OVER (ORDER BY n) AS n FROM own
"""


@pytest.mark.parametrize(
    "message",
    [
        "SELECT a.id FROM",
        "INNER JOIN ref.b",
        "a.n > 3",
        "a.n >= 4",
        "a.n >= 2",
        "a.n >= 3 OR b.x",
        "WHERE b.x IS NULL",
        "WHERE a.n >= 3)",
        "NOT b.x IS NULL",
        "id >= 1",
        "SELECT id, 'one' AS size",
        "THEN 'many' END",
        "MIN(COALESCE(n, 0))",
        "MAX(n)",
        "MAX(0)",
        "ORDER BY n DESC",
    ],
)
def test_every_operator_changes_what_it_says(message: str) -> None:
    assert sum(message in mutant.sql for mutant in mutants("a.model", SQL)) >= 1


def test_mutants_differ_from_the_model_and_from_each_other() -> None:
    made = [mutant.sql for mutant in mutants("a.model", SQL)]
    assert len(set(made)) == len(made)
    assert all(mutant.was != mutant.now for mutant in mutants("a.model", SQL))
