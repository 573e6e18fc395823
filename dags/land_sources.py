"""Every night, for each source that is pulled: request each account's lists, then land them as one delivery."""

from datetime import timedelta

import pendulum
from airflow.sdk import DAG, Asset, ExceptionRetryPolicy, Param, RetryAction, RetryRule, TriggerRule, task

from pipelines.common.retry import NEVER_RETRIED
from pipelines.extract.registry import PULLED


def land_source(source: str, platform: str) -> DAG:
    """Give the DAG of one source: a task per account in the platform's pool, then one landing whatever failed."""
    with DAG(
        f"land_{source}",
        schedule="30 0 * * *",
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        catchup=False,
        max_active_runs=1,
        default_args={
            "owner": "stillreach",
            "pool": platform,
            "retries": 2,
            "retry_delay": timedelta(minutes=1),
            "retry_policy": ExceptionRetryPolicy([RetryRule(NEVER_RETRIED, action=RetryAction.FAIL)]),
            "execution_timeout": timedelta(hours=3),
        },
        params={"on": Param("", type="string", description="YYYY-MM-DD; empty means the run's own day")},
        doc_md=__doc__,
        tags=["stillreach"],
    ) as dag:

        @task
        def accounts() -> list[str]:
            from pipelines.extract.pulls import session

            return session.accounts_of(source)

        @task
        def pull(account_id: str, on: str, began_at: str) -> str:
            from pipelines import night
            from pipelines.extract.pulls import session

            return session.pull_account(source, account_id, night.day(on), night.moment(began_at))

        @task(pool="warehouse", trigger_rule=TriggerRule.ALL_DONE, outlets=[Asset(f"landed_{source}")])
        def land(on: str) -> str:
            from pipelines import night
            from pipelines.extract.pulls import session

            return session.land_pulled(source, night.day(on))

        on = "{{ params.on or (dag_run.logical_date or dag_run.run_after) | ds }}"
        began_at = "{{ dag_run.start_date.isoformat() }}"
        pull.partial(on=on, began_at=began_at).expand(account_id=accounts()) >> land(on)
    return dag


for registered in PULLED.values():
    land_source(registered.name, registered.platform)
