"""Time buckets to count by, in a time zone."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import psycopg
from psycopg import AsyncConnection, sql

from event_warehouse.accept.errors import Fault
from event_warehouse.query.body import Query
from event_warehouse.query.errors import InvalidQuery
from event_warehouse.query.parameters import Bind
from event_warehouse.query.schema import pointer

MAX_BUCKETS = 10_000
WIDTHS: Mapping[str, timedelta] = {
    "minute": timedelta(minutes=1),
    "5 minutes": timedelta(minutes=5),
    "15 minutes": timedelta(minutes=15),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=28),
    "quarter": timedelta(days=90),
    "year": timedelta(days=365),
}
"""The shortest that each can be."""
STEPS: Mapping[str, str] = {
    "hour": "1 hour",
    "day": "1 day",
    "week": "7 days",
    "month": "1 month",
    "quarter": "3 months",
    "year": "1 year",
}
"""From one start to the next, for buckets that depend on the time zone."""

STARTS = sql.SQL("""
    select generate_series(
        date_trunc(%(unit)s::text, %(start)s::timestamptz, %(time_zone)s::text),
        %(end)s::timestamptz - interval '1 microsecond',
        %(step)s::interval,
        %(time_zone)s::text
    )
""")


async def bucket_starts(
    connection: AsyncConnection, query: Query
) -> Sequence[datetime]:
    """The starts of the range's buckets if they depend on the time zone, else none.

    Raises InvalidQuery if Postgres does not know the time zone, or the first bucket
    would start before the year 1.
    """
    if query.bucket not in STEPS and query.time_zone == "UTC":
        return ()
    # Asked even if no starts are needed, so that an unknown time zone is refused.
    unit = query.bucket if query.bucket and query.bucket in STEPS else "year"
    values = {
        "unit": unit,
        "step": STEPS[unit],
        "start": query.start,
        "end": query.end,
        "time_zone": query.time_zone,
    }
    try:
        rows = await (await connection.execute(STARTS, values)).fetchall()
    except psycopg.errors.InvalidParameterValue as error:
        raise InvalidQuery(
            "The question does not make sense.",
            [Fault("is not a time zone that Postgres knows", pointer(["time_zone"]))],
        ) from error
    except psycopg.DataError as error:
        reason = "is in a bucket that starts before the year 1"
        raise InvalidQuery(
            "The question does not make sense.", [Fault(reason, pointer(["start"]))]
        ) from error
    return [start for (start,) in rows] if query.bucket in STEPS else ()


def bucket_of(query: Query, at: sql.Composable, bind: Bind) -> sql.Composable:
    """The start of the bucket that a time falls into."""
    if query.bucket in STEPS:
        return sql.SQL("date_trunc({}::text, {}, {}::text)").format(
            bind(query.bucket), at, bind(query.time_zone)
        )
    width = WIDTHS[str(query.bucket)]
    # Today's time zones are all offset from UTC by multiples of 15 minutes.
    return sql.SQL("date_bin({}::interval, {}, '2000-01-01Z')").format(bind(width), at)
