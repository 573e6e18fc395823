"""Run mutants of the models on their cases: `python -m tests.sql.mutant_runner [MODEL ...]`.

It prints how many mutants of each model some case notices, and fails where the share is too small. With models named,
it also prints the mutants that no case notices, as `survivors.yml` would list them: write a case that notices the
mutant, or, where none can, add it to that file with the reason.
"""

import random
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import duckdb
import yaml

from tests.sql.case_runner import Case, all_cases, all_models, bench, differences, insert, select
from tests.sql.mutants import Mutant, mutants
from tests.sql.twins import twins

LISTED = Path(__file__).with_name("survivors.yml")
NOTICED_SHARE, NOTICED_SHARE_OF_A_MODEL = 0.85, 0.5
N_AT_ONCE = 50

Outcome = Literal["survives", "noticed", "does not bind"]


def survivors(model: str, tried: Iterable[Mutant]) -> tuple[list[Mutant], int]:
    """Give the mutants of a model that no case notices, and how many mutants were run.

    A mutant that does not bind (a column is missing, a type is wrong) is no mutant: it is left out of both.
    A mutant that stops with an error on the rows of a case is noticed.
    """
    alive = list(tried)
    n_run = len(alive)
    for case in cases_of(model):
        if alive:
            with _filled(case) as con:
                outcomes = [_outcome(con, case, mutant.sql) for mutant in alive]
            n_run -= outcomes.count("does not bind")
            alive = [mutant for mutant, outcome in zip(alive, outcomes, strict=True) if outcome == "survives"]
    return alive, n_run


def cases_of(model: str) -> list[Case]:
    """Give the cases of a model and their twins."""
    return [case for case in all_cases() if case.model == model and not case.xfail] + list(twins(model))


def _outcome(con: duckdb.DuckDBPyConnection, case: Case, sql: str) -> Outcome:
    try:
        return "noticed" if differences(case.expect, select(con, sql)) else "survives"
    except (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException):
        return "does not bind"
    except duckdb.Error:
        return "noticed"


@contextmanager
def _filled(case: Case) -> Iterator[duckdb.DuckDBPyConnection]:
    """Put a case's rows into the shared database without a transaction, which the first error would end."""
    con = bench()
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": case.as_of})
    try:
        for table, rows in case.given.items():
            insert(con, table, rows)
        yield con
    finally:
        for table in case.given:
            con.execute(f"DELETE FROM {table}")


def mutants_of(model: str) -> tuple[Mutant, ...]:
    return mutants(model, all_models()[model].sql)


@dataclass(frozen=True)
class Equivalent:
    """Mutants that no case can notice: patterns of the model, of what was there and of what is there now."""

    model: str
    was: str
    now: str
    why: str

    def __contains__(self, mutant: Mutant) -> bool:
        pairs = ((mutant.model, self.model), (mutant.was, self.was), (mutant.now, self.now))
        return all(fnmatchcase(text, pattern) for text, pattern in pairs)


@cache
def listed() -> tuple[Equivalent, ...]:
    """Read `survivors.yml`."""
    return tuple(Equivalent(**one) for one in yaml.safe_load(LISTED.read_text(encoding="utf-8")))


def unlisted(model: str) -> list[Mutant]:
    """Make the mutants of a model that some case should notice."""
    return [mutant for mutant in mutants_of(model) if not any(mutant in one for one in listed())]


def sample(model: str, n: int) -> list[Mutant]:
    """Draw mutants of a model that some case should notice, the same ones each time."""
    of = unlisted(model)
    return random.Random(model).sample(of, min(n, len(of)))


def _run_part(part: tuple[str, int]) -> tuple[str, list[Mutant], int]:
    model, start = part
    return model, *survivors(model, unlisted(model)[start : start + N_AT_ONCE])


def main(names: list[str]) -> int:
    """Run every mutant of the named models, or of all; print the shares, and give the exit code."""
    models = names or sorted(all_models())
    parts = [(model, start) for model in models for start in range(0, len(unlisted(model)), N_AT_ONCE)]
    failed, n_all, n_noticed = False, 0, 0
    with ProcessPoolExecutor(mp_context=get_context("forkserver")) as pool:
        for model, ran in groupby(pool.map(_run_part, parts), key=lambda one: one[0]):
            done = list(ran)
            alive, n = [mutant for _, of, _ in done for mutant in of], sum(k for _, _, k in done)
            n_all, n_noticed = n_all + n, n_noticed + n - len(alive)
            too_few = n - len(alive) < NOTICED_SHARE_OF_A_MODEL * n
            failed |= too_few
            print(f"{model:32} {n - len(alive):5} of {n:5} {'too few' if too_few else ''}", flush=True)
            if names:
                print(yaml.safe_dump([_entry(mutant) for mutant in alive], sort_keys=False, width=1000))
    print(f"{n_noticed} of {n_all} mutants noticed: {n_noticed / max(n_all, 1):.1%}, must be {NOTICED_SHARE:.0%}")
    return int(failed or n_noticed < NOTICED_SHARE * n_all)


def _entry(mutant: Mutant) -> dict[str, str]:
    return {"model": mutant.model, "was": mutant.was, "now": mutant.now, "why": f"in {mutant.cte}: "}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
