"""Rebuilds the facts, rollups and marts of some days from the stored events."""

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
"""Ranges of UTC days, each as its first day and the day after its last."""


def rebuild(
    settings: Settings,
    days: Days,
    *,
    tenant_id: str | None = None,
    requested_by: str | None = None,
) -> None:
    """Corrects these days, for one tenant or all; leaves correct rows untouched.

    Rebuilds the weeks and months of these days as a whole. Applies no new events. The
    ledger records who asked, by default the database user. Each model commits by
    itself, so after an interrupted run the next one does the rest. Raises
    TransformError if a model fails or there is no day, ExpiredError if events of any of
    these days have expired.
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
    """Like `rebuild`, for a connection that already holds the transform's lock."""
    ranges = Multirange([Range(first, after) for first, after in days if first < after])
    if not ranges:
        raise TransformError("there is no day to rebuild")
    _refuse_expired(connection, ranges)
    asked = connection.execute(
        ASK,
        {"days": ranges, "tenant_id": tenant_id, "requested_by": requested_by},
    )
    (rebuild_id,) = asked.fetchone() or (None,)
    # A separate target folder: the variable changes which model reads which, so dbt
    # would parse everything again whenever transforms and rebuilds alternate.
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
            f"events before {horizon[0]} have expired, so earlier days can't be "
            f"rebuilt; start at {horizon[0]}"
        )
