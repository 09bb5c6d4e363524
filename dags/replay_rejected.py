"""Process rejected records again, after you fixed a feed's declaration.

On demand: *Trigger*. **replay** reads rejected lines again, by the current
declarations, and has rejected events cast again. **transform** applies the result to
every fact, rollup and mart. **verify** proves that every record is accounted for.

Parameters: `feed` is the feed to replay, by default all; `all_of_them` also casts
events of feeds whose declaration has not changed, as after an upgrade.

**When it fails**

- **replay**: the feed is not declared, or declared wrongly; this is not retried.
- **transform**, **verify**: as in `apply_new_events`.

Records that still can't be read or cast stay rejected, with their reason; that is not a
failure.

**How to rerun**: clear the failed task, or trigger it again: however often it runs, a
line is taken in once. By hand: `warehouse replay`, then `warehouse transform`. What is
rejected now, and why: `marts.rejections`. The lines that were taken in are a load of
their own in `raw.loads`. Who replayed what, and when: `warehouse log`.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task

from warehouse_dags import (
    DEFAULT_ARGS,
    FEED,
    RAW,
    asked_by,
    tell_timeout,
    transform_events,
    verify_accounting,
)


@task(outlets=[RAW])
def replay(**context: Any) -> dict[str, int]:
    """How many lines were loaded, how many are still rejected, and events to recast."""
    from dataclasses import asdict

    from event_warehouse.load.replay import replay_rejected_lines
    from event_warehouse.settings import read_settings
    from event_warehouse.transform.recast import recast_rejected_events

    settings, params, who = read_settings(), context["params"], asked_by(context)
    counts = asdict(
        replay_rejected_lines(settings, feed=params["feed"], requested_by=who)
    )
    counts["recast_events"] = recast_rejected_events(
        settings,
        feed=params["feed"],
        all_of_them=params["all_of_them"],
        requested_by=who,
    )
    context["outlet_events"][RAW].extra = counts
    return counts


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args=DEFAULT_ARGS,
    params={
        "feed": FEED,
        "all_of_them": Param(
            False, type="boolean", description="Also where no declaration has changed"
        ),
    },
    tags=["events", "on demand"],
    doc_md=__doc__,
    on_failure_callback=tell_timeout,
)
def replay_rejected() -> None:
    """Wiring only; the module's docstring is the operator's page."""
    replayed, verified = replay(), verify_accounting()
    replayed >> transform_events() >> verified
    # Else a run whose replay failed would succeed, as the transform runs anyway.
    replayed >> verified


replay_rejected()
