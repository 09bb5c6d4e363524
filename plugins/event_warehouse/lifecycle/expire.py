"""Deletes whole months of expired events, and of raw records."""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime

import psycopg
from psycopg.rows import class_row

from event_warehouse.database import load_statements
from event_warehouse.errors import WarehouseError
from event_warehouse.lifecycle.locks import (
    keeping,
    require_all_applied,
    was_ever_transformed,
)
from event_warehouse.settings import Settings

STATEMENTS = load_statements("event_warehouse.lifecycle", "expire")
DROP_TRIES = 60
DROP_WAIT_SECONDS = 1.0
"""Pause between tries, for those who queued behind the last one."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Expired:
    """How many rows expired from one table."""

    table_name: str
    row_count: int


def months_ago(months: int, today: date) -> date:
    """The first day of the month that is this many months before today's."""
    number = today.year * 12 + today.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def horizons_of(settings: Settings, today: date) -> tuple[date | None, date | None]:
    """The days before which events and raw records expire, by the settings."""
    kept = (settings.keep_event_months, settings.keep_raw_months)
    if kept == (None, None):
        raise WarehouseError(
            "nothing expires by itself; give --events-before or --raw-before, or set "
            "WAREHOUSE_KEEP_EVENT_MONTHS or WAREHOUSE_KEEP_RAW_MONTHS"
        )
    events, raw = (None if one is None else months_ago(one, today) for one in kept)
    return events, raw


def expire(
    settings: Settings,
    *,
    events_before: date | None = None,
    raw_before: date | None = None,
    requested_by: str | None = None,
    today: date | None = None,
) -> tuple[Expired, ...]:
    """Deletes the months (UTC) that end on or before these days; commits once.

    Events expire by their own time, records and rejects by their arrival, duplicates by
    either. Facts, rollups and marts stay. Horizons never move back. The ledger records
    who asked, by default the database user. Does nothing if nothing was ever
    transformed. Raises WarehouseError if a load is not applied yet or a deletion is not
    finished.
    """
    this_month = months_ago(0, today or datetime.now(UTC).date())
    horizons = {
        "events_before": _whole_month(events_before, this_month),
        "raw_before": _whole_month(raw_before, this_month),
    }
    with keeping(settings) as connection, connection.transaction():
        if not was_ever_transformed(connection):
            return ()
        require_all_applied(connection)
        asked = {**horizons, "requested_by": requested_by}
        row = connection.execute(STATEMENTS["start"], asked).fetchone()
        if row is None:
            return ()
        expiry = {"expiry_id": row[0], **horizons}
        connection.execute(STATEMENTS["lock_partitions"], expiry)
        # Only now, when no load can commit into the locked partitions any more.
        _refuse_what_is_open(connection)
        for name in ("count_events", "count_raw", "rejects", "repeats", "lines"):
            connection.execute(STATEMENTS[name], expiry)
        _drop_partitions(connection, expiry)
        with connection.cursor(row_factory=class_row(Expired)) as cursor:
            expired = tuple(cursor.execute(STATEMENTS["expired"], expiry))
    logger.info("expired %d rows", sum(one.row_count for one in expired))
    return expired


def _whole_month(day: date | None, this_month: date) -> date | None:
    if day is not None and day > this_month:
        raise WarehouseError(
            f"{day} is after {this_month}, and the current month can't expire"
        )
    return day and day.replace(day=1)


def _refuse_what_is_open(connection: psycopg.Connection) -> None:
    for (problem,) in connection.execute(STATEMENTS["problems"]).fetchall():
        raise WarehouseError(problem)


def _drop_partitions(connection: psycopg.Connection, expiry: dict[str, object]) -> None:
    """Drops the partitions, with retries.

    The lock for this waits for every reader, and everyone else queues behind it. So
    each try waits only briefly, less than Postgres's deadlock_timeout (1 s): neither
    loaders nor readers are held up or cancelled.
    """
    for left in reversed(range(DROP_TRIES)):
        try:
            with connection.transaction():
                connection.execute("set local lock_timeout to '500ms'")
                connection.execute(STATEMENTS["drop_partitions"], expiry)
            return
        except psycopg.errors.LockNotAvailable:
            if not left:
                raise
            time.sleep(DROP_WAIT_SECONDS)
