"""Run past nights, one after the other: for a range of days, each from what had landed for it."""

from datetime import timedelta

import pendulum
from airflow.sdk import ExceptionRetryPolicy, Param, RetryAction, RetryRule, dag, task

from pipelines.common.retry import NEVER_RETRIED


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/London"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "stillreach",
        "pool": "warehouse",
        "retries": 1,
        "retry_delay": timedelta(minutes=1),
        "retry_policy": ExceptionRetryPolicy([RetryRule(NEVER_RETRIED, action=RetryAction.FAIL)]),
    },
    params={
        "from_day": Param("", type="string", description="First night, YYYY-MM-DD"),
        "to_day": Param("", type="string", description="Last night, YYYY-MM-DD"),
    },
    doc_md=__doc__,
    tags=["stillreach"],
)
def backfill_reach() -> None:
    @task
    def days(from_day: str, to_day: str) -> list[str]:
        from pipelines import night

        return night.days(from_day, to_day)

    @task(max_active_tis_per_dag=1)
    def run_night(as_of: str) -> str:
        from pipelines import night

        return night.run_night(night.day(as_of))

    run_night.expand(as_of=days("{{ params.from_day }}", "{{ params.to_day }}"))


backfill_reach()
