"""Repair days: load what was missed of them, and recompute their numbers.

Daily at midnight (UTC), for the day that has ended; and **the DAG to backfill**, for
any days, in any order, several at once. **find** and **load** look again for the files
of the interval: in folders and buckets by the dates in the feeds' patterns, on the web
by those in their addresses. A file that is already loaded is not read again.
**transform** applies what came, and everything else that is new. **rebuild** recomputes
facts, rollups and marts of the interval's days from their events; a week or month that
contains one of the days is recomputed as a whole. **verify** proves that every record
of every file is an event, a rejected record or a counted duplicate. It leaves the sums
of facts and rollups to `check_quality`, because they are over all days, and others may
still have to be repaired.

On days that are right no row is written. A row that was changed or deleted by hand is
corrected, and a late file counts on the day of its events.

Interval: the parameters `start` and `end` (end exclusive, UTC, such as `2026-11-01`
and `2026-11-08`), otherwise the data interval of the run, which is a day. The name of a
scheduled or backfilled run contains the moment at which its day ends:
`...__2026-11-02T00:00:00+00:00` is the run of 1 November. `feed` looks for files of one
feed only; `tenant` rebuilds one tenant only. Web addresses are fetched for a feed that
you name, or with `from_web` for all feeds that have one.

**To backfill**: *Trigger*, *Backfill*, the first and the last day (both inclusive), and
as reprocess behaviour *All Runs*, because days that already had a run are skipped
otherwise. Or *Trigger* a single run with `start` and `end`: one rebuild of a long range
costs less than one for each day.

**When it fails**

- **find**, **load**: as in `apply_new_events`. Also if the run has no interval, which
  is not retried: give `start` and `end`.
- **transform**, **rebuild**: dbt's message is in the log. Each model commits by itself,
  so the next try does the rest. Concurrent runs wait for each other here.
- **rebuild** of days whose events have expired: not retried, because they can't be
  recomputed; the message says which day is the first that can.
- **verify**: its message lists each failed file, and each file whose records are not
  all accounted for; it may be about another day than the run's.

**How to rerun**: fix the cause and clear the failed task, or backfill the day again.
Every task may be run any number of times. By hand: `warehouse load --start ... --end
...`, which also fetches web addresses, `warehouse transform`, `warehouse rebuild
--start ... --end ...`. Who rebuilt what, and when: `warehouse log`.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, Param, TriggerRule, dag, task

from warehouse_dags import (
    DEFAULT_ARGS,
    FEED,
    MARTS,
    OPTIONAL_TEXT,
    TENANT,
    asked_by,
    find_files,
    load_files,
    tell_timeout,
    transform_events,
    verify_accounting,
    window_of,
)


def moment(description: str) -> Param:
    """A parameter that takes a date or a time, or nothing."""
    return Param(
        None,
        type=OPTIONAL_TEXT,
        examples=["2026-11-01", "2026-11-01T06:00:00"],
        description=description,
    )


@task(inlets=[MARTS], outlets=[MARTS], trigger_rule=TriggerRule.NONE_FAILED)
def rebuild(**context: Any) -> dict[str, str]:
    """The days that were rebuilt: the first, and the one after the last."""
    import event_warehouse.transform.rebuild
    from event_warehouse.settings import read_settings
    from event_warehouse.window import days_of

    first, after = days_of(window_of(context))
    event_warehouse.transform.rebuild.rebuild(
        read_settings(),
        [(first, after)],
        tenant_id=context["params"]["tenant"],
        requested_by=asked_by(context),
    )
    days = {"first_day": first.isoformat(), "day_after_last": after.isoformat()}
    context["outlet_events"][MARTS].extra = days
    return days


@dag(
    # With a bare cron expression, each run's interval would be empty.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=4,
    dagrun_timeout=timedelta(hours=8),
    default_args=DEFAULT_ARGS,
    params={
        "start": moment("First moment (UTC); the interval's"),
        "end": moment("The moment after the last; the interval's"),
        "feed": FEED,
        "from_web": Param(
            False, type="boolean", description="Also fetch feeds that have an address"
        ),
        "tenant": TENANT,
    },
    tags=["events", "backfill"],
    doc_md=__doc__,
    on_failure_callback=tell_timeout,
)
def repair_days() -> None:
    """Wiring only; the module's docstring is the operator's page."""
    loaded = load_files.partial(is_windowed=True).expand(
        share=find_files(is_windowed=True)
    )
    rebuilt = rebuild()
    loaded >> transform_events() >> rebuilt >> verify_accounting(of_all_days=False)
    loaded >> rebuilt


repair_days()
