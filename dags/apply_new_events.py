"""Load every new file and bring the warehouse up to date.

Every five minutes. **find** looks for new files and decides how many loaders they are
worth. **load** copies them into `raw.events_raw`, one transaction a file, with several
loaders in parallel for many files; the pool `warehouse_loaders` limits how many in all.
**transform** runs dbt over the loads that are not applied yet; if there are none, it is
skipped. **verify** proves that every record of every file is accounted for. A run with
nothing new changes nothing.

What each task counted (files, rows, rejected records, duplicates, seconds of lag) is in
its XCom `return_value`, and in the events of the assets `warehouse_raw` and
`warehouse_marts`.

Parameters, if you *Trigger* a run: `source` is what to load instead of what has landed:
a file, a folder, `s3://bucket/prefix` or a web address. It needs `feed`, the feed that
its files belong to. `feed` alone loads only that feed's files.

**When it fails**

- **find**, **load**: the source does not exist, a feed is declared wrongly, or Postgres
  or the bucket can't be reached. Whatever could be loaded is transformed all the same;
  *verify* does not run then. A single bad file does not fail the task: it is recorded
  in `raw.loads`, the other files are loaded, and *verify* reports it.
- **transform**: dbt's message is in the log, and in `logs/dbt/dbt.log` of
  `WAREHOUSE_HOME`. Loads wait until the cause is fixed; none is lost, and none is
  applied twice.
- **verify**: its message lists each failed file and each sum that does not hold. A
  failed file is tried again by every run, and fails it, until the file is corrected or
  you give it up: `warehouse dismiss <load_id>`; the message has the number. To repair a
  fact, rollup or mart that does not sum up, use `repair_days`.

*verify* is not retried, nor is a wrong setting, feed or file. Everything else is
retried twice at growing intervals, also a task that was killed. A task is ended after
an hour: files and models that are done stay done, and the next try does the rest.
Failures are sent to `WAREHOUSE_ALERT_WEBHOOK_URL`, if it is set.

**How to rerun**: fix the cause, then clear the failed task, or wait for the next run,
which picks up everything that was left. Every task may be run any number of times. By
hand: `warehouse load`, `warehouse transform`, `warehouse verify`; without Airflow:
`warehouse run --watch`. For files of a past day, and for wrong numbers, use
`repair_days`.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from warehouse_dags import (
    DEFAULT_ARGS,
    FEED,
    OPTIONAL_TEXT,
    find_files,
    load_files,
    tell_timeout,
    transform_events,
    verify_accounting,
)


@dag(
    schedule="*/5 * * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args=DEFAULT_ARGS,
    params={
        "source": Param(
            None, type=OPTIONAL_TEXT, description="What to load; what has landed"
        ),
        "feed": FEED,
    },
    tags=["events"],
    doc_md=__doc__,
    on_failure_callback=tell_timeout,
)
def apply_new_events() -> None:
    """Wiring only; the module's docstring is the operator's page."""
    loaded = load_files.expand(share=find_files())
    verified = verify_accounting()
    loaded >> transform_events() >> verified
    loaded >> verified


apply_new_events()
