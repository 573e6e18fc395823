"""Every night, when every source has landed, at 03:30 at the latest: land, build, check, publish, report."""

from datetime import timedelta

import airflow.sdk as sdk
import pendulum
from airflow.sdk import Asset, dag, task

from pipelines.common.retry import NEVER_RETRIED
from pipelines.extract.registry import PULLED

BY = sdk.CronTriggerTimetable("30 3 * * *", timezone="Europe/London")
LANDED = [Asset(f"landed_{source}") for source in PULLED]


@dag(
    schedule=sdk.AssetOrTimeSchedule(timetable=BY, assets=LANDED),
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/London"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "stillreach",
        "pool": "warehouse",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_policy": sdk.ExceptionRetryPolicy([sdk.RetryRule(NEVER_RETRIED, action=sdk.RetryAction.FAIL)]),
        "execution_timeout": timedelta(hours=3),
    },
    params={
        "as_of": sdk.Param("", type="string", description="YYYY-MM-DD; empty means the run's own day"),
        "allow_stale": sdk.Param(False, type="boolean", description="Publish data that are too old, with a banner"),
    },
    doc_md=__doc__,
    tags=["stillreach"],
)
def nightly_reach() -> None:
    @task
    def land(as_of: str) -> None:
        from pipelines import night

        night.land_inbox(night.day(as_of))

    @task.short_circuit
    def load(as_of: str, run_type: str, allow_stale: str) -> str | None:
        from pipelines import night

        return night.load_if_due(night.day(as_of), run_type, allow_stale=allow_stale == "True")

    @task
    def step(night_id: str, name: str) -> None:
        from pipelines import night

        night.run_step(night_id, name)

    as_of = "{{ params.as_of or (dag_run.logical_date or dag_run.run_after) | ds }}"
    night_id = load(as_of, "{{ dag_run.run_type }}", "{{ params.allow_stale }}")
    names = "check_raw build_core check_core build_expansion build_mart check_mart publish report"
    steps = [step.override(task_id=name)(night_id, name) for name in names.split()]  # type: ignore[arg-type]
    sdk.chain(land(as_of), night_id, *steps)


nightly_reach()
