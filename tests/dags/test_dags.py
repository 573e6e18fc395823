"""The DAG files: they parse, they are small, they name an owner, a pool and retries, and import nothing heavy."""

import ast
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import night
from pipelines.common.errors import BusyError, SegmentDefinitionError, ValidationStop
from pipelines.common.retry import NEVER_RETRIED
from pipelines.common.settings import ROOT
from pipelines.extract.registry import PULLED

PLATFORMS = {name: source.platform for name, source in PULLED.items()}
POOLS = {"warehouse", *PLATFORMS.values()}
FILES = sorted((ROOT / "dags").glob("*.py"))

# Parsed in a process of its own: Airflow settles its home when it is first imported.
PARSE = """
import json, sys, time
began = time.monotonic()
from airflow.dag_processing.dagbag import DagBag
ready = time.monotonic()
bag = DagBag(sys.argv[1])
known = ("duckdb", "polars", "great_expectations", "matplotlib", "pipelines.night", "atproto", "mastodon", "xdk")
heavy = [name for name in known if name in sys.modules]
print("PARSED" + json.dumps({
    "errors": bag.import_errors,
    "heavy": heavy,
    "seconds": time.monotonic() - ready,
    "dags": {
        dag.dag_id: {
            "doc": bool(dag.doc_md), "catchup": dag.catchup, "max_active_runs": dag.max_active_runs,
            "by": getattr(getattr(dag.timetable, "timetable", None), "expression", None),
            "waits_for": sorted(one.name for one in getattr(dag.timetable.asset_condition, "objects", [])),
            "tasks": {
                task.task_id: {
                    "owner": task.owner, "pool": task.pool, "retries": task.retries,
                    "policy": task.retry_policy is not None, "upstream": sorted(task.upstream_task_ids),
                    "outlets": [one.name for one in task.outlets], "is_mapped": task.is_mapped,
                    "trigger_rule": str(task.trigger_rule),
                } for task in dag.tasks
            },
        } for dag in bag.dags.values()
    },
}))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict:  # type: ignore[type-arg]
    """Parse the folder as Airflow does, with a home of its own."""
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
    assert set(parsed["dags"]) == {"nightly_reach", "backfill_reach", *(f"land_{source}" for source in PLATFORMS)}
    assert parsed["heavy"] == []
    assert parsed["seconds"] < 30  # Airflow gives up after 30


def test_every_task_has_an_owner_the_one_writer_pool_and_retries(parsed: dict) -> None:  # type: ignore[type-arg]
    for dag in parsed["dags"].values():
        assert dag["doc"]
        assert not dag["catchup"]
        assert dag["max_active_runs"] == 1
        for task in dag["tasks"].values():
            assert task["owner"] == "stillreach"
            assert task["pool"] in POOLS
            assert task["retries"] >= 1
            assert task["policy"]


def test_what_writes_the_warehouse_has_its_one_slot(parsed: dict) -> None:  # type: ignore[type-arg]
    for dag_id, dag in parsed["dags"].items():
        pools = {name: task["pool"] for name, task in dag["tasks"].items()}
        if dag_id.startswith("land_"):
            platform = PLATFORMS[dag_id.removeprefix("land_")]
            assert pools == {"accounts": platform, "pull": platform, "land": "warehouse"}
        else:
            assert set(pools.values()) == {"warehouse"}


def test_a_source_is_pulled_account_by_account_and_landed_whatever_failed(parsed: dict) -> None:  # type: ignore[type-arg]
    for source in PLATFORMS:
        tasks = parsed["dags"][f"land_{source}"]["tasks"]
        assert [name for name, task in tasks.items() if task["is_mapped"]] == ["pull"]
        assert tasks["pull"]["upstream"] == ["accounts"]
        assert tasks["land"]["upstream"] == ["pull"]
        assert tasks["land"]["trigger_rule"].lower().endswith("all_done")
        assert tasks["land"]["outlets"] == [f"landed_{source}"]


def test_the_night_waits_for_every_source_and_no_longer_than_its_hour(parsed: dict) -> None:  # type: ignore[type-arg]
    night_dag = parsed["dags"]["nightly_reach"]
    assert night_dag["waits_for"] == sorted(f"landed_{source}" for source in PLATFORMS)
    assert night_dag["by"] == "30 3 * * *"


def test_every_pool_is_there_to_be_imported() -> None:
    pools = json.loads((ROOT / "dags/pools.json").read_text(encoding="utf-8"))
    assert set(pools) == POOLS
    assert pools["warehouse"]["slots"] == 1
    for path in ("Makefile", "docs/OPERATIONS.md"):
        assert "airflow pools import dags/pools.json" in (ROOT / path).read_text(encoding="utf-8"), path


def test_the_night_runs_the_same_steps_in_the_same_order(parsed: dict) -> None:  # type: ignore[type-arg]
    tasks = parsed["dags"]["nightly_reach"]["tasks"]
    in_order = ["land", "load", *night.STEPS]
    assert set(tasks) == set(in_order)
    for before, after in itertools.pairwise(in_order):
        assert before in tasks[after]["upstream"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_hold_no_logic(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 65
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    at_the_top = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert at_the_top <= {"datetime", "pendulum", "airflow.sdk", "pipelines.common.retry", "pipelines.extract.registry"}
    assert "SELECT" not in text


@pytest.mark.parametrize("error", [ValidationStop("a layer", "stopped"), SegmentDefinitionError("a file", "is odd")])
def test_what_a_person_must_mend_is_never_tried_again(error: Exception) -> None:
    assert decide(error) == "fail"


@pytest.mark.parametrize("error", [BusyError("the warehouse", "is busy"), OSError("gone")])
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert decide(error) == "default"


def decide(error: Exception) -> str:
    """Ask the retry policy that all DAGs use."""
    from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

    for path in FILES:
        assert "RetryRule(NEVER_RETRIED, action=" in path.read_text(encoding="utf-8")
    rule = RetryRule(NEVER_RETRIED, action=RetryAction.FAIL)
    return str(ExceptionRetryPolicy([rule]).evaluate(error, try_number=1, max_tries=3).action.value)
