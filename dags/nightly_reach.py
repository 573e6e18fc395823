"""Every night: land what came, build, audit, publish, report; pipelines/night.py says what each step does."""

from datetime import timedelta

import pendulum
from airflow.sdk import ExceptionRetryPolicy, Param, RetryAction, RetryRule, dag, task

# A fault that a person must mend, or a night stopped on purpose, is not tried again.
NEVER_AGAIN: list[str | type[BaseException]] = ["pipelines.errors.YoursToFix", "pipelines.errors.NotRetryable"]


@dag(
    schedule="30 3 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/London"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "stillreach",
        "pool": "warehouse",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_policy": ExceptionRetryPolicy([RetryRule(NEVER_AGAIN, action=RetryAction.FAIL)]),
        "execution_timeout": timedelta(hours=3),
    },
    params={"as_of": Param("", type="string", description="YYYY-MM-DD; empty means the run's own day")},
    doc_md=__doc__,
    tags=["stillreach"],
)
def nightly_reach() -> None:
    @task
    def land(as_of: str) -> None:
        from pipelines import night

        night.land_inbox(night.day(as_of))

    @task
    def load(as_of: str) -> str:
        from pipelines import night

        return night.load(night.day(as_of))

    @task
    def step(night_id: str, name: str) -> None:
        from pipelines import night

        night.run_step(night_id, name)

    as_of = "{{ params.as_of or ds }}"
    landed = land(as_of)
    night_id = load(as_of)
    landed >> night_id
    before = night_id
    steps = "check_raw build_core check_core build_expansion build_mart check_mart publish report"
    for name in steps.split():
        done = step.override(task_id=name)(night_id, name)  # type: ignore[arg-type]
        before >> done
        before = done


nightly_reach()
