"""Make a day right: load what was missed of it, and make its numbers anew.

Daily at midnight (UTC), for the day that has ended; and **what the UI backfills**, for
any days, in any order, several at once. **find** and **load** look for the files of the
interval again: in folders and buckets by the dates in the feeds' patterns, on the web
by those in their addresses; a file that is loaded already is not read again.
**transform** applies what came, and all else that is new. **rebuild** makes facts,
rollups and marts of the interval's days anew from their events; weeks and months that a
day is of are made anew as a whole. **verify** proves that every record of every file is
an event, a reject or a counted repeat; the sums of facts and rollups are over all days,
of which others may be yet to be repaired, and stay with `check_quality`.

On days that are right no row is written. A row that was changed or deleted by hand is
put right, and a late file counts on the day of its events.

Interval: the parameters `start` and `end` (end exclusive, UTC, such as `2026-11-01`
and `2026-11-08`), else the data interval of the run, which is a day. A scheduled or
backfilled run has the moment in its name at which its day ends:
`...__2026-11-02T00:00:00+00:00` is of 1 November. `feed` looks for files of one feed
only; `tenant` rebuilds one tenant only. The web is asked for a feed that is named, and
with `from_web` for all that have an address.

**To backfill**: *Trigger*, *Backfill*, the first and the last day (both inclusive), and
as reprocess behaviour *All Runs*, as days that have had a run are left out otherwise.
Or *Trigger* a single run with `start` and `end`: one rebuild of a long range costs less
than one a day.

**When it fails**

- **find**, **load**: as in `apply_new_events`; also when the run has no interval, which
  is not tried again: give `start` and `end`.
- **transform**, **rebuild**: dbt's message is in the log. Each model commits by itself,
  so the next try does the rest. Runs at once wait for each other here.
- **rebuild** of days whose events have expired: not tried again, as they can't be made
  anew; the message says from which day on.
- **verify**: its message lists each failed file and each file whose records are not all
  accounted for; it may be about another day than the run's.

**How to rerun**: mend the cause and clear the failed task, or backfill the day again.
Every task may be run any number of times. By hand: `warehouse load --start ... --end
...`, which asks the web, too, `warehouse transform`, `warehouse rebuild --start ...
--end ...`. Who had what rebuilt when: `warehouse log`.
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
    """The days that were made anew; the first, and the one after the last."""
    import event_warehouse.rebuild
    from event_warehouse.settings import read_settings
    from event_warehouse.window import days_of

    first, after = days_of(window_of(context))
    event_warehouse.rebuild.rebuild(
        read_settings(),
        [(first, after)],
        tenant_id=context["params"]["tenant"],
        requested_by=asked_by(context),
    )
    days = {"first_day": first.isoformat(), "day_after_last": after.isoformat()}
    context["outlet_events"][MARTS].extra = days
    return days


@dag(
    # A bare cron would give each run an interval without width.
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
