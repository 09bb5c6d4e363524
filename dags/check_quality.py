"""Check the warehouse: dbt's tests, whether data still arrives, the accounting.

Daily at half past three (UTC). **test** runs every data test of the dbt project.
**freshness** checks that files still arrive. **verify** proves that every record is
accounted for. The three only read, and do not depend on each other.

**When it fails**

- **test**: the message names each failed test and how many rows fail it; the query is
  in `logs/dbt/dbt.log` of `WAREHOUSE_HOME`. To repair a wrong fact, rollup or mart, use
  `repair_days`.
- **freshness**: no file of any feed has been loaded for two days. Check whether the
  senders still deliver, whether `apply_new_events` runs, and what `warehouse status`
  says.
- **verify**: the message lists each failed file and each sum that does not hold; the
  page of `apply_new_events` says what to do about them.

They are retried only after a failure that may pass, such as a lost connection.

**How to rerun**: fix the cause, then clear the task. By hand: `dbt test` and
`dbt source freshness` in `dbt_project`, and `warehouse verify`.
"""

from datetime import timedelta

from airflow.sdk import CronDataIntervalTimetable, dag, task

from warehouse_dags import DEFAULT_ARGS, MARTS, tell_timeout, verify_accounting


@task(inlets=[MARTS])
def test() -> None:
    """Fail with the tests that do not hold."""
    from airflow.sdk.exceptions import AirflowFailException

    from event_warehouse.settings import read_settings
    from event_warehouse.transform.quality import failed_tests

    if failed := failed_tests(read_settings()):
        raise AirflowFailException("; ".join(failed))


@task()
def freshness() -> None:
    """Fail if no file has arrived for too long."""
    from airflow.sdk.exceptions import AirflowFailException

    from event_warehouse.settings import read_settings
    from event_warehouse.transform.quality import stale_sources

    if stale := stale_sources(read_settings()):
        raise AirflowFailException("; ".join(stale))


@dag(
    schedule=CronDataIntervalTimetable("30 3 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args=DEFAULT_ARGS,
    tags=["quality"],
    doc_md=__doc__,
    on_failure_callback=tell_timeout,
)
def check_quality() -> None:
    """Wiring only; the module's docstring is the operator's page."""
    test()
    freshness()
    verify_accounting()


check_quality()
