"""What every table must hold, counted from the files by code that knows no dbt."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.integration.transform.visits import Files

Rows = list[tuple[Any, ...]]

OTHER_FIELDS = [
    "event_id",
    "event_type",
    "user_id",
    "entity_id",
    "country",
    "browser",
    "device_id",
    "session_id",
]
COLUMNS = {"tenant", "at", "sample_rate", *OTHER_FIELDS}
ISO_8601 = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII
)


class Event(NamedTuple):
    file: str
    line: int
    tenant: str
    time: datetime
    sample_rate: int
    fields: tuple[str | None, ...]
    attributes: dict[str, Any] | None

    def field(self, name: str) -> str | None:
        return self.fields[OTHER_FIELDS.index(name)]

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.tenant, self.time, self.field("event_id")

    @property
    def content(self) -> tuple[Any, ...]:
        return self.sample_rate, self.fields, self.attributes


def text_of(value: object) -> str | None:
    return None if value in (None, "") else str(value)


def problem_of(record: dict[str, Any]) -> tuple[str, str | None, str] | None:
    """(column, value, reason) of the first thing that is wrong with a record."""
    if text_of(record.get("tenant")) is None:
        return "tenant_id", None, "is missing"
    at = text_of(record.get("at"))
    if at is None:
        return "event_time", at, "is missing"
    if not ISO_8601.fullmatch(at):
        return "event_time", at, "is not ISO 8601"
    try:
        time = as_utc(at)
    except ValueError:
        return "event_time", at, "is no such time"
    if not datetime(1970, 1, 1) <= time <= datetime.now() + timedelta(hours=1):
        return "event_time", at, "is outside the times the feed allows"
    rate = text_of(record.get("sample_rate"))
    if rate is not None and not re.fullmatch("[1-9][0-9]{0,8}", rate):
        return "sample_rate", rate, "is not a whole number above 0"
    attributes = attributes_of(record)
    if "\0" in json.dumps(attributes).replace("\\u0000", "\0"):
        value = json.dumps(attributes, separators=(",", ":"))
        return "attributes", value, "is not JSON that Postgres can store"
    return None


def as_utc(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def attributes_of(record: dict[str, Any]) -> dict[str, Any] | None:
    return {k: v for k, v in record.items() if k not in COLUMNS} or None


def event_of(file: str, line: int, record: dict[str, Any]) -> Event:
    return Event(
        file,
        line,
        record["tenant"],
        as_utc(record["at"]),
        int(record.get("sample_rate", 1)),
        tuple(text_of(record.get(field)) for field in OTHER_FIELDS),
        attributes_of(record),
    )


def recount(files: Files) -> dict[str, Rows]:
    """What every table must hold once these files are loaded in this order."""
    kept: dict[tuple[Any, ...], Event] = {}
    rejected: Rows = []
    duplicates: Rows = []
    accounts: Rows = []
    for file, content in files:
        counts: Counter[str] = Counter()
        for line, text in enumerate(content.split("\n"), 1):
            if not text:
                continue
            counts["records"] += 1
            try:
                record = json.loads(text)
            except ValueError:
                counts["rejected lines"] += 1
                continue
            if problem := problem_of(record):
                counts["rejected"] += 1
                tenant = text_of(record.get("tenant"))
                rejected.append((file, line, tenant, *problem))
                continue
            event = event_of(file, line, record)
            first = kept.setdefault(event.identity, event)
            if first is event:
                counts["events"] += 1
                continue
            counts["duplicates"] += 1
            is_different = event.content != first.content
            duplicates.append((file, line, first.file, first.line, is_different))
        raw = counts["records"] - counts["rejected lines"]
        accounts.append(
            (
                file,
                "balanced",
                counts["records"],
                counts["rejected lines"],
                raw,
                counts["events"],
                counts["rejected"],
                counts["duplicates"],
            )
        )
    return {
        "events": in_order(tuple(event) for event in kept.values()),
        "rejected_events": in_order(rejected),
        "duplicate_events": in_order(duplicates),
        "accounting": in_order(accounts),
        **aggregates(list(kept.values())),
    }


def aggregates(events: Sequence[Event]) -> dict[str, Rows]:
    activity, monthly, devices = Counter[Any](), Counter[Any](), Counter[Any]()
    groups: dict[str, dict[tuple[Any, ...], list[Event]]] = {
        name: defaultdict(list)
        for name in (
            "rollup_events_5min",
            "rollup_events_1hr",
            "event_types_hourly",
            "tenant_events_5min",
            "tenant_events_hourly",
            "tenant_events_daily",
        )
    }
    for event in events:
        tenant, day = event.tenant, event.time.date()
        start = event.time.replace(second=0, microsecond=0)
        hour = start.replace(minute=0)
        five = start.replace(minute=start.minute // 5 * 5)
        kind, entity = event.field("event_type"), event.field("entity_id")
        activity[tenant, day, entity, kind, event.field("user_id")] += 1
        monthly[tenant, day.replace(day=1), entity] += 1
        devices[tenant, day, event.field("device_id")] += 1
        what = kind, event.field("country"), event.field("browser")
        for name, key in (
            ("rollup_events_5min", (tenant, five, *what)),
            ("rollup_events_1hr", (tenant, hour, *what)),
            ("event_types_hourly", (tenant, hour, kind)),
            ("tenant_events_5min", (tenant, five)),
            ("tenant_events_hourly", (tenant, hour)),
            ("tenant_events_daily", (tenant, day)),
        ):
            groups[name][key].append(event)
    return {
        "fct_entity_activity_daily": in_order((*k, n) for k, n in activity.items()),
        "fct_entity_activity_monthly": in_order((*k, n) for k, n in monthly.items()),
        "fct_device_activity_daily": in_order((*k, n) for k, n in devices.items()),
        **{
            name: in_order((*key, *counts_of(found)) for key, found in grouped.items())
            for name, grouped in groups.items()
        },
        "event_types_hourly": in_order(
            (*key, *counts_of(found)[:2])
            for key, found in groups["event_types_hourly"].items()
        ),
        "most_active_entities_daily": most_active(events, "entity_id"),
        "most_active_users_daily": most_active(events, "user_id"),
        "most_active_devices_daily": most_active(events, "device_id"),
    }


def counts_of(events: Sequence[Event]) -> tuple[int, int, int, int]:
    """Events, events they stand for, distinct devices, distinct sessions."""
    return (
        len(events),
        sum(event.sample_rate for event in events),
        len({event.field("device_id") for event in events} - {None}),
        len({event.field("session_id") for event in events} - {None}),
    )


def most_active(events: Sequence[Event], field: str) -> Rows:
    days: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for event in events:
        if name := event.field(field):
            days[event.tenant, event.time.date()][name] += 1
    return in_order(
        (*day, rank, name, count)
        for day, counter in days.items()
        for rank, (name, count) in enumerate(
            sorted(counter.items(), key=lambda one: (-one[1], one[0])), 1
        )
    )


def in_order(rows: Any) -> Rows:
    return sorted(map(tuple, rows), key=repr)
