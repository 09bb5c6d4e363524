"""Delete a user from every layer of the warehouse.

On demand: *Trigger*. It can't be undone. **forget** takes the user out of raw, rejects,
repeats, events and facts, and makes the days anew that lost events. **verify** proves
that every record is accounted for, those that were deleted included.

Parameter: `user_key`, the key of the user in `analytics.dim_users`. Not the user's id:
Airflow keeps the parameters of its runs for ever, and nobody would delete that from
there. For the same reason name neither the run nor its note for the user. To look the
key up: `select user_key from analytics.dim_users where tenant_id = ... and user_id =
...`.

Afterwards read the receipt, `ledger.deletions.receipt`: the files of its `source_loads`
(`raw.loads` has their addresses) still hold the user and are yours to delete, and its
`mentions` count what nobody but a person can decide.

**When it fails**

- **forget**: nobody ever had the key; this is not tried again. Or a load can't be
  applied; the message is dbt's. Ended after the user had gone, the next try makes the
  days anew and finishes; its receipt has no `mentions`, as the id is no longer known.
  Until then *verify* says that the deletion is not finished. Of a user who is deleted
  already the log says so, and the task ends well.
- **verify**: its message lists each failed file and each sum that does not hold.

**How to rerun**: mend the cause and clear the failed task. By hand, with the id:
`warehouse forget`, which also finishes what was ended; an id of which nothing has come
yet has no key, so only `warehouse forget --in-advance` bars it. Who had a user deleted
when: `warehouse log`.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task

from warehouse_dags import (
    DEFAULT_ARGS,
    MARTS,
    RAW,
    asked_by,
    tell_timeout,
    verify_accounting,
)


@task(outlets=[RAW, MARTS])
def forget(**context: Any) -> None:
    """The receipt stays in the warehouse: it is about a person."""
    from event_warehouse.lifecycle.forget import forget_by_key
    from event_warehouse.settings import read_settings

    forget_by_key(
        read_settings(),
        user_key=context["params"]["user_key"],
        requested_by=asked_by(context),
    )


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args=DEFAULT_ARGS,
    params={
        "user_key": Param(type="integer", description="Key in analytics.dim_users")
    },
    tags=["lifecycle", "on demand"],
    doc_md=__doc__,
    on_failure_callback=tell_timeout,
)
def forget_user() -> None:
    """Wiring only; the module's docstring is the operator's page."""
    forget() >> verify_accounting()


forget_user()
