"""Delete a user from every layer of the warehouse.

On demand: *Trigger*. It can't be undone. **forget** removes the user from raw, rejected
and duplicate records, events and facts, and rebuilds the days that lost events.
**verify** proves that every record is accounted for, including the deleted ones.

Parameter: `user_key`, the user's key in `analytics.dim_users`. It is not the user's id,
because Airflow keeps the parameters of its runs for ever, and nobody would delete the
id from there. For the same reason, don't mention the user in the name or note of the
run. To look up the key: `select user_key from analytics.dim_users where tenant_id = ...
and user_id = ...`.

Afterwards read the receipt, `ledger.deletions.receipt`. The files of its `source_loads`
(their addresses are in `raw.loads`) still contain the user and are yours to delete; its
`mentions` count places that only a person can decide about.

**When it fails**

- **forget**: nobody ever had that key; this is not retried. Or a load can't be applied;
  the message is dbt's. If it was interrupted after the user was removed, the next try
  rebuilds the days and finishes; its receipt has no `mentions`, because the id is no
  longer known. Until then *verify* reports that the deletion is not finished. If the
  user is already deleted, the log says so and the task succeeds.
- **verify**: its message lists each failed file and each sum that does not hold.

**How to rerun**: fix the cause and clear the failed task. By hand, with the id:
`warehouse forget`, which also completes an interrupted deletion. An id that has never
occurred has no key; only `warehouse forget --in-advance` blocks it. Who deleted a user,
and when: `warehouse log`.
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
    """Returns nothing: the receipt is about a person, and stays in the warehouse."""
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
