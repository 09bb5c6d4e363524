"""Delete a user from every layer of the warehouse.

On demand: *Trigger*. **forget** takes the user out of raw, rejects, repeats, events and
facts, and makes the days anew that lost events; the receipt of it is in the warehouse,
with the source files that still hold the user. **verify** proves that every record is
accounted for, those that were deleted included.

Parameter: `user_key`, the key of the user in `analytics.dim_users`. Not the user's id:
Airflow keeps the parameters of its runs for ever, and nobody would delete that from
there. To look it up: `select user_key from analytics.dim_users
where tenant_id = ... and user_id = ...`.

**When it fails**

- **forget**: there is no such user (also one that is forgotten already), or a load
  can't be applied; the message says which. Ended in between, the next try does the
  rest.
- **verify**: its message lists each sum that does not hold.

**How to rerun**: mend the cause and clear the failed task. By hand: `warehouse forget`.
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

USER = "select tenant_id, user_id from analytics.dim_users where user_key = %s"


@task(outlets=[RAW, MARTS])
def forget(**context: Any) -> None:
    """The receipt stays in the warehouse: it is about a person."""
    from airflow.sdk.exceptions import AirflowFailException

    from event_warehouse.database import Role, connect
    from event_warehouse.lifecycle.forget import forget
    from event_warehouse.settings import read_settings

    settings, user_key = read_settings(), context["params"]["user_key"]
    with connect(settings.dsn, Role.TRANSFORMER) as connection:
        user = connection.execute(USER, (user_key,)).fetchone()
    if user is None:
        raise AirflowFailException(f"there is no user with the key {user_key}")
    tenant_id, user_id = user
    forget(
        settings,
        tenant_id=tenant_id,
        user_id=user_id,
        requested_by=asked_by(context),
    )


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args=DEFAULT_ARGS,
    params={
        "user_key": Param(
            None, type=["null", "integer"], description="Key in analytics.dim_users"
        )
    },
    tags=["lifecycle", "on demand"],
    doc_md=__doc__,
    on_failure_callback=tell_timeout,
)
def forget_user() -> None:
    """Wiring only; the module's docstring is the operator's page."""
    forget() >> verify_accounting()


forget_user()
