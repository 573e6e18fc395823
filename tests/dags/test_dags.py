"""The DAG files: they parse, they are small, they name an owner, a pool and retries, and import nothing heavy."""

import ast
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import night
from pipelines.errors import BusyError, SegmentDefinitionError, ValidationStop
from pipelines.settings import ROOT

FILES = sorted((ROOT / "dags").glob("*.py"))

# Parsed in a process of its own: Airflow settles its home when it is first imported.
PARSE = """
import json, sys, time
began = time.monotonic()
from airflow.dag_processing.dagbag import DagBag
ready = time.monotonic()
bag = DagBag(sys.argv[1])
known = ("duckdb", "polars", "great_expectations", "matplotlib", "pipelines.night")
heavy = [name for name in known if name in sys.modules]
print("PARSED" + json.dumps({
    "errors": bag.import_errors,
    "heavy": heavy,
    "seconds": time.monotonic() - ready,
    "dags": {
        dag.dag_id: {
            "doc": bool(dag.doc_md), "catchup": dag.catchup, "max_active_runs": dag.max_active_runs,
            "tasks": {
                task.task_id: {
                    "owner": task.owner, "pool": task.pool, "retries": task.retries,
                    "policy": task.retry_policy is not None, "upstream": sorted(task.upstream_task_ids),
                } for task in dag.tasks
            },
        } for dag in bag.dags.values()
    },
}))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict:  # type: ignore[type-arg]
    """Parse the folder as Airflow does, with a home of its own."""
    import json

    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(ROOT / "dags")],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "PARSED" in done.stdout, done.stderr[-2000:]
    return dict(json.loads(done.stdout.split("PARSED", 1)[1].splitlines()[0]))


def test_they_parse_fast_and_import_nothing_heavy(parsed: dict) -> None:  # type: ignore[type-arg]
    assert parsed["errors"] == {}
    assert set(parsed["dags"]) == {"nightly_reach", "backfill_reach"}
    assert parsed["heavy"] == []
    assert parsed["seconds"] < 10


def test_every_task_has_an_owner_the_one_writer_pool_and_retries(parsed: dict) -> None:  # type: ignore[type-arg]
    for dag in parsed["dags"].values():
        assert dag["doc"]
        assert not dag["catchup"]
        assert dag["max_active_runs"] == 1
        for task in dag["tasks"].values():
            assert task["owner"] == "stillreach"
            assert task["pool"] == "warehouse"
            assert task["retries"] >= 1
            assert task["policy"]


def test_the_night_runs_the_same_steps_in_the_same_order(parsed: dict) -> None:  # type: ignore[type-arg]
    tasks = parsed["dags"]["nightly_reach"]["tasks"]
    in_order = ["land", "load", *night.STEPS]
    assert set(tasks) == set(in_order)
    for before, after in itertools.pairwise(in_order):
        assert before in tasks[after]["upstream"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_hold_no_logic(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    at_the_top = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert at_the_top <= {"datetime", "pendulum", "airflow.sdk"}
    assert "SELECT" not in text


@pytest.mark.parametrize("error", [ValidationStop("a layer", "stopped"), SegmentDefinitionError("a file", "is odd")])
def test_what_a_person_must_mend_is_never_tried_again(error: Exception) -> None:
    assert decide(error) == "fail"


@pytest.mark.parametrize("error", [BusyError("the warehouse", "is busy"), OSError("gone")])
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert decide(error) == "default"


def decide(error: Exception) -> str:
    """Ask the retry policy that both DAGs use."""
    from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

    for path in FILES:
        assert 'NEVER_AGAIN: list[str | type[BaseException]] = ["pipelines.errors.YoursToFix", ' in path.read_text()
    rule = RetryRule(["pipelines.errors.YoursToFix", "pipelines.errors.NotRetryable"], action=RetryAction.FAIL)
    return str(ExceptionRetryPolicy([rule]).evaluate(error, try_number=1, max_tries=3).action.value)
