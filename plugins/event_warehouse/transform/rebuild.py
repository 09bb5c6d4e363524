"""Makes facts, rollups and marts of some days anew from the events that are kept."""

from collections.abc import Iterable
from datetime import date

import psycopg
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from event_warehouse.database import Role, connect
from event_warehouse.errors import ExpiredError, TransformError
from event_warehouse.settings import Settings
from event_warehouse.transform.run import LOCK, run_dbt

ASK = """
insert into ledger.rebuilds (days, tenant_id, requested_by)
values (
    %(days)s::datemultirange,
    %(tenant_id)s,
    coalesce(%(requested_by)s::text, session_user)
)
returning rebuild_id
"""
EXPIRED = """
select horizon
from ledger.events_horizon() as horizon
where horizon is not null
    and %(days)s::datemultirange && daterange(null, horizon)
"""
FINISH = "update ledger.rebuilds set finished_at = now() where rebuild_id = %s"
MODELS = ["config.materialized:batch", "config.materialized:incremental"]

DayRanges = Multirange[date]
Days = Iterable[tuple[date, date]]
"""Of each the first day (UTC) and the one after the last."""


def rebuild(
    settings: Settings,
    days: Days,
    *,
    tenant_id: str | None = None,
    requested_by: str | None = None,
) -> None:
    """Puts right what is wrong in those days; rows that are right are not written.

    Of one tenant, or of all. The ledger keeps who asked, else the database's user.
    Weeks and months that the days are of are made anew as a whole. Events that are not
    applied yet stay so. Each model commits by itself, so after a run that was ended the
    next one does the rest. Raises TransformError if a model fails or there is no day,
    ExpiredError if events of one have expired.
    """
    with connect(settings.dsn, Role.TRANSFORMER, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (LOCK,))
        rebuild_alone(
            settings, connection, days, tenant_id=tenant_id, requested_by=requested_by
        )


def rebuild_alone(
    settings: Settings,
    connection: psycopg.Connection,
    days: Days,
    *,
    tenant_id: str | None,
    requested_by: str | None,
) -> None:
    """As `rebuild`, of who holds the transform's lock by this connection already."""
    ranges = Multirange([Range(first, after) for first, after in days if first < after])
    if not ranges:
        raise TransformError("there is no day to rebuild")
    _refuse_expired(connection, ranges)
    asked = connection.execute(
        ASK,
        {"days": ranges, "tenant_id": tenant_id, "requested_by": requested_by},
    )
    (rebuild_id,) = asked.fetchone() or (None,)
    # A folder of its own: else dbt would parse all anew at each change between the two,
    # as the variable decides which model reads which.
    run_dbt(
        settings,
        ["--vars", "is_rebuild: true", "--select", *MODELS],
        target="dbt_rebuild",
    )
    connection.execute(FINISH, (rebuild_id,))


def _refuse_expired(connection: psycopg.Connection, ranges: DayRanges) -> None:
    horizon = connection.execute(EXPIRED, {"days": ranges}).fetchone()
    if horizon is not None:
        raise ExpiredError(
            f"events before {horizon[0]} have expired, so days before it can't be made "
            f"anew; start at {horizon[0]}"
        )
