"""Takes away whole months of events, and of records as they arrived."""

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
"""Between two tries: who queued up behind the last one goes first."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Expired:
    """How many rows went from one table."""

    table_name: str
    row_count: int


def months_ago(months: int, today: date) -> date:
    """The first day of the month that many before today's."""
    number = today.year * 12 + today.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def horizons_of(settings: Settings, today: date) -> tuple[date | None, date | None]:
    """Before which day events and arrivals expire, as the settings say."""
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
    """What went of months (UTC) that end on these days or before them; commits once.

    Events by their own time, and what arrived by when it did: records, rejects and
    repeats. Facts, rollups and marts stay. What has expired already stays so. The
    ledger keeps who asked, else the database's user. Where nothing was ever transformed
    there is nothing to expire. Raises WarehouseError if a load is not applied yet, or a
    deletion not finished.
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
        # Now that no load can commit into them any more.
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
    """The lock that this takes waits for every reader, and all others behind it.

    So it waits but briefly, less than Postgres before it looks for deadlocks (1 s), and
    tries again: neither loaders nor readers are held up or ended.
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
