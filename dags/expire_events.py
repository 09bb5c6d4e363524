"""Drop whole months that the settings no longer keep.

Monthly, on the second day at two (UTC), and once as soon as the DAG is first seen.
**expire** drops events by their own time, and raw records by the time they arrived, as
`WAREHOUSE_KEEP_EVENT_MONTHS` and `WAREHOUSE_KEEP_RAW_MONTHS` say; unless one of them is
set it is skipped. Only a backup brings dropped months back. Facts, rollups and marts
stay. **verify** proves that every record is accounted for, including what was dropped.

**When it fails**

- **expire**: a load is not applied yet (see `apply_new_events`), a deletion is not
  finished (see `forget_user`), or somebody is running dbt by hand; the message says
  which. Or readers held the tables for so long that the partitions could not be
  dropped. Nothing has been dropped then, and the next try does all of it.
- **verify**: its message lists each failed file and each sum that does not hold.

**How to rerun**: fix the cause and clear the task; what has expired stays expired. By
hand, and for months of your choice: `warehouse expire`. Who expired what, and when:
`warehouse log`.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, dag, task

from warehouse_dags import (
    DEFAULT_ARGS,
    MARTS,
    RAW,
    asked_by,
    tell_timeout,
    verify_accounting,
)


@task(outlets=[RAW, MARTS])
def expire(**context: Any) -> dict[str, int]:
    """How many rows were dropped from each table."""
    from datetime import UTC, datetime

    from airflow.sdk.exceptions import AirflowSkipException

    from event_warehouse.lifecycle.expire import expire, horizons_of
    from event_warehouse.settings import read_settings

    settings = read_settings()
    if settings.keep_event_months is None and settings.keep_raw_months is None:
        raise AirflowSkipException("the settings keep everything")
    events, raw = horizons_of(settings, datetime.now(UTC).date())
    gone = expire(
        settings,
        events_before=events,
        raw_before=raw,
        requested_by=asked_by(context),
    )
    counts = {one.table_name: one.row_count for one in gone}
    context["outlet_events"][RAW].extra = counts
    return counts


@dag(
    schedule=CronDataIntervalTimetable("0 2 2 * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args=DEFAULT_ARGS,
    tags=["lifecycle"],
    doc_md=__doc__,
    on_failure_callback=tell_timeout,
)
def expire_events() -> None:
    """Wiring only; the module's docstring is the operator's page."""
    expire() >> verify_accounting()


expire_events()
