"""Sessions and retention recounted from events by code that knows no SQL."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

FEEDS = """
visits: &visits
  files: visits/*
  format: json_lines
  fields: {tenant_id: tenant, event_time: at}
  identity: [event_id]
taps:
  <<: *visits
  files: taps/*
  sessions: session_id
clicks:
  <<: *visits
  files: clicks/*
  sessions: session_id
"""
FEEDS_WITH_SESSIONS = {"taps", "clicks"}
TIMEOUT = timedelta(minutes=30)

Rows = list[tuple[Any, ...]]
Record = dict[str, Any]
"""An event as it is delivered, with the `feed` that it is delivered to."""

SESSIONS = """
    select tenant_id, user_id, device_id, feed, session_id,
        session_start at time zone 'UTC', session_end at time zone 'UTC',
        duration_seconds, event_count, weighted_count,
        entry_event_type, entry_entity_id, exit_event_type, exit_entity_id
    from marts.sessions
"""
RETENTION = {
    "day": """
        select tenant_id, cohort_date, event_date, day_number, cohort_size,
            visitor_count, retention_rate
        from marts.retention_daily
    """,
    "week": """
        select tenant_id, cohort_week, event_week, week_number, cohort_size,
            visitor_count, retention_rate
        from marts.retention_weekly
    """,
}


class Visitor(NamedTuple):
    tenant: str
    user: str | None
    device: str | None


def visitor_of(record: Record) -> Visitor | None:
    """The user, else the device, else nobody."""
    user, device = record.get("user_id"), record.get("device_id")
    if user is None and device is None:
        return None
    return Visitor(record["tenant"], user, device if user is None else None)


def time_of(record: Record) -> datetime:
    return datetime.fromisoformat(record["at"]).replace(tzinfo=None)


def recount_sessions(records: Iterable[Record], timeout: timedelta = TIMEOUT) -> Rows:
    """What `marts.sessions` must hold; records are events, each once."""
    series = defaultdict[tuple[Any, ...], list[Record]](list)
    for record in records:
        if visitor := visitor_of(record):
            name = record.get("session_id")
            is_named = name is not None and record["feed"] in FEEDS_WITH_SESSIONS
            named = (record["feed"], name) if is_named else (None, None)
            series[(visitor, *named)].append(record)
    return in_order(
        (*visitor, feed, name, *session_of(part))
        for (visitor, feed, name), found in series.items()
        for part in parts_of(sorted(found, key=place), None if name else timeout)
    )


def parts_of(events: list[Record], timeout: timedelta | None) -> list[list[Record]]:
    parts = [[events[0]]]
    for before, after in pairwise(events):
        if timeout is not None and time_of(after) - time_of(before) > timeout:
            parts.append([])
        parts[-1].append(after)
    return parts


def place(record: Record) -> tuple[Any, ...]:
    """By time, then by type and entity, none before any."""
    return (
        time_of(record),
        *(
            (record.get(field) is not None, record.get(field) or "")
            for field in ("event_type", "entity_id")
        ),
    )


def session_of(events: list[Record]) -> tuple[Any, ...]:
    first, last = events[0], events[-1]
    start, end = time_of(first), time_of(last)
    return (
        start,
        end,
        (end - start).total_seconds(),
        len(events),
        sum(event.get("sample_rate", 1) for event in events),
        first.get("event_type"),
        first.get("entity_id"),
        last.get("event_type"),
        last.get("entity_id"),
    )


def recount_retention(records: Iterable[Record], period: str) -> Rows:
    """What the mart of retention by day or week must hold."""
    seen = defaultdict(set)
    for record in records:
        if visitor := visitor_of(record):
            day = time_of(record).date()
            seen[visitor].add(start_of_week(day) if period == "week" else day)
    sizes = Counter((visitor.tenant, min(days)) for visitor, days in seen.items())
    counts = Counter(
        (visitor.tenant, min(days), day)
        for visitor, days in seen.items()
        for day in days
    )
    length = 7 if period == "week" else 1
    return in_order(
        (
            *(tenant, cohort, day, (day - cohort).days // length),
            *(sizes[tenant, cohort], count, count / sizes[tenant, cohort]),
        )
        for (tenant, cohort, day), count in counts.items()
    )


def start_of_week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def in_order(rows: Iterable[tuple[Any, ...]]) -> Rows:
    return sorted(map(tuple, rows), key=repr)
