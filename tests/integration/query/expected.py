"""What an answer must be, counted from the events by code that knows no SQL."""

import json
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.integration.query.happenings import Event

FIELDS = {
    "event_id",
    "event_type",
    "user_id",
    "entity_id",
    "session_id",
    "device_id",
    "country",
    "browser",
    "platform",
    "environment",
    "service",
}
ALIASES = {"event_tag": "event_type", "samplerate": "sample_rate", "ts": "event_time"}
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
Row = tuple[Any, ...]


def rows_of(question: dict[str, Any], events: list[Event], tenant: str) -> list[Row]:
    start, end = moment(question["start"]), moment(question["end"])
    mine = [
        event
        for event in events
        if event["tenant"] == tenant and start <= moment(event["at"]) < end
    ]
    rows: list[Row] = []
    for series in question["data"]:
        found = [e for e in mine if is_of_series(e, series)]
        rows += rows_of_series(question, series, found)
    return rows


def rows_of_series(
    question: dict[str, Any], series: dict[str, Any], events: list[Event]
) -> list[Row]:
    bucket, breakdown = question.get("bucket"), question.get("breakdown")
    keys = breakdown["keys"] if breakdown else []
    groups: dict[Row, list[Event]] = defaultdict(list)
    totals: dict[Row, int] = defaultdict(int)
    for event in events:
        group = tuple(text(event, key) for key in keys)
        totals[group] += 1
        groups[bucket_of(event, question), group].append(event)
    if not bucket and not keys:
        groups[None, ()] = events
        totals[()] = len(events)
    ranked = sorted(
        totals,
        key=lambda group: (-totals[group], [(v is None, v or "") for v in group]),
    )[: (breakdown or {}).get("limit", 100)]
    ordered = sorted(
        (one for one in groups if one[1] in ranked),
        key=lambda one: (one[0] or datetime.min, ranked.index(one[1])),
    )
    return [
        row(question, series, start, group, groups[start, group])
        for start, group in ordered
    ]


def row(
    question: dict[str, Any],
    series: dict[str, Any],
    start: datetime | None,
    group: Row,
    events: list[Event],
) -> Row:
    is_weighted = question.get("weighted", False)
    counts = {"event_count": len(events)}
    values: dict[str, Any] = dict(counts)
    if is_weighted:
        values["weighted_count"] = sum(map(rate, events))
    for one in question["data"]:
        for operation in operations(one):
            values.setdefault(title(operation), None)
    for operation in operations(series):
        values[title(operation)] = worked_out(operation, events, is_weighted)
    times = []
    if start is not None:
        zone = ZoneInfo(question.get("time_zone", "UTC"))
        times = [start, start.astimezone(zone).replace(tzinfo=None)]
    return (series["name"], *times, *group, *values.values())


def operations(series: dict[str, Any]) -> list[tuple[str, tuple[Any, ...]]]:
    found = []
    if series.get("unique"):
        found.append(("unique", tuple(series["unique"])))
    for one in series.get("operations", []):
        if one["type"] != "count":
            found.append((one["type"], tuple(one.get("keys") or [one["key"]])))
    return list(dict.fromkeys(found))


def title(operation: tuple[str, tuple[Any, ...]]) -> str:
    return f"{operation[0]}({', '.join(operation[1])})"


def worked_out(
    operation: tuple[str, tuple[Any, ...]], events: list[Event], is_weighted: bool
) -> Any:
    kind, keys = operation
    if kind == "unique":
        values = {tuple(text(event, key) for key in keys) for event in events}
        return sum(1 for one in values if None not in one)
    numbers = [
        number * (rate(event) if is_weighted else 1)
        for event in events
        if (number := as_number(event, keys[0])) is not None
    ]
    return sum(numbers) if numbers else None


def is_of_series(event: Event, series: dict[str, Any]) -> bool:
    return all(is_true(one, event) for one in series.get("filters", [])) and all(
        text(event, key) is not None for key in series.get("keys", [])
    )


def is_true(one: dict[str, Any], event: Event) -> bool:
    kind = one["type"]
    if kind == "and":
        return all(is_true(inner, event) for inner in one["filters"])
    if kind == "or":
        return any(is_true(inner, event) for inner in one["filters"])
    key = (
        ALIASES.get(one["key"], one["key"])
        if isinstance(one["key"], str)
        else one["key"]
    )
    if key == "event_time":
        return is_true_of_time(one, moment(event["at"]))
    found = text(event, key)
    match kind:
        case "all" | "exists":
            return found is not None
        case "not_exists":
            return found is None
        case "prefix":
            return found is not None and found.startswith(one["value"])
        case "contains":
            return found is not None and one["value"] in found
        case "regex":
            return found is not None and re.search(one["value"], found) is not None
        case "eq" | "in":
            values = one["values"] if kind == "in" else [one["value"]]
            return any(is_equal(event, key, value) for value in values)
        case "ne" | "not_in":
            values = one["values"] if kind == "not_in" else [one["value"]]
            return not any(is_equal(event, key, value) for value in values)
    value = one["value"]
    mine: Any = found if isinstance(value, str) else as_number(event, key)
    return mine is not None and compare(
        kind, mine, value if isinstance(value, str) else Decimal(str(value))
    )


def is_true_of_time(one: dict[str, Any], time: datetime) -> bool:
    match one["type"]:
        case "all" | "exists":
            return True
        case "not_exists":
            return False
        case "eq":
            return time == moment(one["value"])
        case "ne":
            return time != moment(one["value"])
        case "in":
            return time in map(moment, one["values"])
        case "not_in":
            return time not in map(moment, one["values"])
    return compare(one["type"], time, moment(one["value"]))


def compare(kind: str, mine: Any, theirs: Any) -> bool:
    return bool(
        {
            "lt": mine < theirs,
            "lte": mine <= theirs,
            "gt": mine > theirs,
            "gte": mine >= theirs,
        }[kind]
    )


def is_equal(event: Event, key: Any, value: Any) -> bool:
    if isinstance(value, bool):
        return text(event, key) == str(value).lower()
    if isinstance(value, str):
        return text(event, key) == value
    return as_number(event, key) == Decimal(str(value))


def text(event: Event, key: Any) -> str | None:
    """The value as text; an empty field is none."""
    if isinstance(key, str):
        key = ALIASES.get(key, key)
        if key in FIELDS:
            return event.get(key) or None
        if key == "sample_rate":
            return str(rate(event))
        key = tuple(key.removeprefix("attributes.").split("."))
    if key[0] in FIELDS:
        return None
    value: Any = event
    for part in key:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def as_number(event: Event, key: Any) -> Decimal | None:
    found = text(event, key)
    return Decimal(found) if found is not None and NUMBER.fullmatch(found) else None


def rate(event: Event) -> int:
    return int(event.get("sample_rate", 1))


def moment(written: Any) -> datetime:
    if isinstance(written, int):
        return datetime.fromtimestamp(written / 1000, UTC)
    time = datetime.fromisoformat(written)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def bucket_of(event: Event, question: dict[str, Any]) -> datetime | None:
    unit = question.get("bucket")
    if unit is None:
        return None
    time = moment(event["at"]).replace(microsecond=0)
    minutes = {"minute": 1, "5 minutes": 5, "15 minutes": 15}.get(unit)
    if minutes:
        return time.replace(second=0, minute=time.minute // minutes * minutes)
    zone = ZoneInfo(question.get("time_zone", "UTC"))
    if unit == "hour":
        # The offset is kept: an hour that the clocks show twice is two.
        offset = time.astimezone(zone).utcoffset() or timedelta()
        return (time + offset).replace(minute=0, second=0) - offset
    local = time.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0)
    match unit:
        case "week":
            local -= timedelta(days=local.weekday())
        case "month":
            local = local.replace(day=1)
        case "quarter":
            local = local.replace(day=1, month=(local.month - 1) // 3 * 3 + 1)
        case "year":
            local = local.replace(day=1, month=1)
    return local.replace(tzinfo=zone).astimezone(UTC)
