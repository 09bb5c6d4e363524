"""Check the warehouse: dbt's tests, whether data still arrives, the accounting.

Daily at half past three (UTC). **test** runs every data test of the dbt project.
**freshness** asks whether files still arrive. **verify** proves that every record is
accounted for. They read only, and each tells by itself.

**When it fails**

- **test**: the message names each test with the number of rows that fail it; the query
  is in `logs/dbt/dbt.log` of `WAREHOUSE_HOME`. A fact, rollup or mart that is wrong is
  put right by `repair_days`.
- **freshness**: no file of any feed has been loaded for two days. Look whether the
  senders still deliver, whether `apply_new_events` runs, and what `warehouse status`
  says.
- **verify**: the message lists each failed file and each sum that does not hold; what
  to do about them is on the page of `apply_new_events`.

None of them is tried again but for what may pass, such as a lost connection.

**How to rerun**: mend the cause, then clear the task. By hand: `dbt test` and
`dbt source freshness` in `dbt_project`, and `warehouse verify`.
"""

from datetime import timedelta

from airflow.sdk import CronDataIntervalTimetable, dag, task

from warehouse_dags import DEFAULT_ARGS, MARTS, tell_timeout, verify_accounting


@task(inlets=[MARTS])
def test() -> None:
    """Fail with the tests that do not hold."""
    from airflow.sdk.exceptions import AirflowFailException

    from event_warehouse.quality import failed_tests
    from event_warehouse.settings import read_settings

    if failed := failed_tests(read_settings()):
        raise AirflowFailException("; ".join(failed))


@task()
def freshness() -> None:
    """Fail if no file has come for too long."""
    from airflow.sdk.exceptions import AirflowFailException

    from event_warehouse.quality import stale_sources
    from event_warehouse.settings import read_settings

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
