"""What every table must hold, counted from the files by code that knows no dbt."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from tests.integration.transform.key_values import counted_keys
from tests.integration.transform.records import (
    OTHER_FIELDS,
    Event,
    Reference,
    event_of,
    problem_of,
    problem_of_reference,
    reference_of,
    text_of,
)
from tests.integration.transform.recount_by_user import counted_by_user
from tests.integration.transform.visitors import Rows, in_order
from tests.integration.transform.visits import Files


def recount(files: Files) -> dict[str, Rows]:
    """What every table must hold once these files are loaded in this order."""
    seen: list[Event] = []
    kept: dict[tuple[Any, ...], Event] = {}
    references: dict[tuple[Any, ...], Reference] = {}
    rejected: Rows = []
    duplicates: Rows = []
    accounts: Rows = []
    for path, content in files:
        is_reference = path.startswith("products/")
        file = path.rpartition("/")[2]
        find_problem = problem_of_reference if is_reference else problem_of
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
            if problem := find_problem(record):
                counts["rejected"] += 1
                tenant = text_of(record.get("tenant"))
                rejected.append((file, line, tenant, *problem))
                continue
            one: Event | Reference
            first: Event | Reference
            if is_reference:
                one = reference_of(file, line, record)
                first = references.setdefault(one.identity, one)
            else:
                one = event_of(file, line, record)
                first = kept.setdefault(one.identity, one)
                seen.append(one)
            if first is one:
                counts["references" if is_reference else "events"] += 1
                continue
            counts["duplicates"] += 1
            is_different = one.differs_from(first)
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
                counts["references"],
                counts["rejected"],
                counts["duplicates"],
            )
        )
    events = list(kept.values())
    return {
        "events": in_order(tuple(event) for event in events),
        "rejected_events": in_order(rejected),
        "duplicate_events": in_order(duplicates),
        # Of users who were deleted, which here none is.
        "deleted_events": [],
        "accounting": in_order(accounts),
        **dimensions(seen, events),
        **reference_tables(list(references.values())),
        **key_values(events),
        **aggregates(events),
        **counted_by_user(events),
    }


def dimensions(seen: Sequence[Event], events: Sequence[Event]) -> dict[str, Rows]:
    """All names that ever came, but countries and browsers: those of kept events."""
    named: dict[str, set[tuple[str | None, ...]]] = {
        "dim_users": {(event.tenant, event.field("user_id")) for event in seen},
        "dim_entities": {(event.tenant, event.field("entity_id")) for event in seen},
        "dim_devices": {(event.tenant, event.field("device_id")) for event in seen},
        "dim_event_types": {(event.field("event_type"),) for event in seen},
        "dim_countries": {(event.field("country"),) for event in events},
        "dim_browsers": {(event.field("browser"),) for event in events},
        "dim_tenant_values": {
            (event.tenant, field, event.field(field), event.field(field))
            for event in events
            for field in ("event_type", "country", "browser")
        },
    }
    return {
        table: in_order(name for name in names if name[-1] is not None)
        for table, names in named.items()
    }


def reference_tables(references: Sequence[Reference]) -> dict[str, Rows]:
    newest = {
        (one.tenant, one.entity): one
        for one in sorted(references, key=lambda one: one.version)
    }
    return {
        "reference_history": in_order(references),
        "reference_latest": in_order(tuple(one)[2:] for one in newest.values()),
    }


def key_values(events: Sequence[Event]) -> dict[str, Rows]:
    keys, values = counted_keys(
        (
            event.tenant,
            dict(zip(OTHER_FIELDS, event.fields, strict=True)),
            event.attributes or {},
        )
        for event in events
    )
    return {"fct_keys": in_order(keys), "fct_key_values": in_order(values)}


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
        "int_touched_hours": in_order(
            {
                (
                    event.file,
                    event.tenant,
                    event.time.replace(minute=0, second=0, microsecond=0),
                )
                for event in events
            }
        ),
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
