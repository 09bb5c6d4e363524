"""The tables that questions are answered from, smallest first.

A table answers exactly if it has every key that is asked for, and if the range and the
buckets begin and end on the boundaries of its rows. One that lacks events without a
user also needs a series that leaves those out. The events table can answer everything.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from psycopg import sql

from event_warehouse.database import load_statements
from event_warehouse.query.keys import Field, Key

RESOLVED = {
    # They become subqueries, in which a semicolon is not allowed.
    name: sql.SQL(statement.as_string().rstrip().removesuffix(";"))
    for name, statement in load_statements("event_warehouse.query", "sources").items()
}
"""Select a table's rows with the values that their keys stand for."""
DAY = timedelta(days=1)


class Grain(Enum):
    """The time span of a row; its value is the column with the start (UTC)."""

    FIVE_MINUTES = "event_5min"
    HOUR = "event_hour"
    DAY = "event_date"
    EVENT = "event_time"

    @property
    def width(self) -> timedelta:
        """The length of the span."""
        return {
            Grain.FIVE_MINUTES: timedelta(minutes=5),
            Grain.HOUR: timedelta(hours=1),
            Grain.DAY: DAY,
            Grain.EVENT: timedelta.resolution,
        }[self]

    def begins_at(self, time: datetime) -> bool:
        """Whether a span of this grain begins at a time, which is in UTC."""
        midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
        return (time - midnight) % self.width == timedelta(0)


@dataclass(frozen=True)
class Source:
    """A table, and which parts of an event it has."""

    table: str
    grain: Grain
    fields: frozenset[Field] = frozenset()
    sketched: frozenset[Field] = frozenset()
    is_weighted: bool = True
    resolved: str | None = None
    """The statement that resolves its keys; None if it has none."""
    having: frozenset[Field] = frozenset()
    """Fields that an event must have to be in it."""

    @property
    def relation(self) -> sql.Composable:
        """What to select from, with the alias events."""
        table = sql.Identifier(*self.table.split("."))
        if self.resolved is None:
            return sql.SQL("{} as events").format(table)
        rows = RESOLVED[self.resolved].format(table=table)
        return sql.SQL("({}) as events").format(rows)

    @property
    def time(self) -> sql.Composable:
        """The column to filter a range by."""
        return sql.Identifier("events", self.grain.value)

    def moment(self, time: datetime) -> datetime | date:
        """A time in that column's type."""
        return time.date() if self.grain is Grain.DAY else time

    @property
    def at(self) -> sql.Composable:
        """The start of a row's span, as timestamptz."""
        if self.grain is Grain.DAY:
            return sql.SQL("({}::timestamp at time zone 'UTC')").format(self.time)
        return self.time

    @property
    def event_count(self) -> sql.Composable:
        """The number of events in several rows."""
        if self.grain is Grain.EVENT:
            return sql.SQL("count(*)")
        return sql.SQL("coalesce(sum(events.event_count), 0)::bigint")

    @property
    def weighted_count(self) -> sql.Composable:
        """The number of events that several rows stand for, by their sample rates."""
        column = "sample_rate" if self.grain is Grain.EVENT else "weighted_count"
        return sql.SQL("coalesce(sum({}), 0)::bigint").format(
            sql.Identifier("events", column)
        )

    def tells(self, keys: Iterable[Key]) -> bool:
        """Whether its rows have these keys."""
        if self.grain is Grain.EVENT:
            return True
        return all(key.field in self.fields for key in keys)

    def sketches(self, keys: Iterable[Key]) -> bool:
        """Whether it can estimate how many distinct values each of the keys has."""
        return all(key.field in self.sketched for key in keys)

    def fits(self, times: Iterable[datetime]) -> bool:
        """Whether all of these times are boundaries of its rows."""
        return all(map(self.grain.begins_at, times))


DEVICES_AND_SESSIONS = frozenset({Field.DEVICE_ID, Field.SESSION_ID})
BUCKET_KEYS = frozenset({Field.EVENT_TYPE, Field.COUNTRY, Field.BROWSER})

EVENTS = Source("analytics.events", Grain.EVENT)
SOURCES = (
    Source("marts.tenant_events_daily", Grain.DAY, sketched=DEVICES_AND_SESSIONS),
    Source("marts.tenant_events_hourly", Grain.HOUR, sketched=DEVICES_AND_SESSIONS),
    Source("marts.event_types_hourly", Grain.HOUR, frozenset({Field.EVENT_TYPE})),
    Source(
        "analytics.rollup_events_1hr",
        Grain.HOUR,
        BUCKET_KEYS,
        DEVICES_AND_SESSIONS,
        resolved="of_rollup",
    ),
    Source(
        "analytics.fct_device_activity_daily",
        Grain.DAY,
        frozenset({Field.DEVICE_ID}),
        resolved="of_devices",
    ),
    # A tenth of the rows of the next.
    Source(
        "analytics.fct_user_sequences_daily",
        Grain.DAY,
        frozenset({Field.USER_ID}),
        is_weighted=False,
        resolved="of_users",
        having=frozenset({Field.USER_ID}),
    ),
    Source(
        "analytics.fct_entity_activity_daily",
        Grain.DAY,
        frozenset({Field.ENTITY_ID, Field.EVENT_TYPE, Field.USER_ID}),
        is_weighted=False,
        resolved="of_entities",
    ),
    Source(
        "marts.tenant_events_5min", Grain.FIVE_MINUTES, sketched=DEVICES_AND_SESSIONS
    ),
    Source(
        "analytics.rollup_events_5min",
        Grain.FIVE_MINUTES,
        BUCKET_KEYS,
        DEVICES_AND_SESSIONS,
        resolved="of_rollup",
    ),
    EVENTS,
)
"""Smallest first."""
