"""What is counted by visitor or user, recounted: sessions, retention, funnels."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from tests.integration.funnels.recount import Rules, counts, grouped, table
from tests.integration.transform.records import OTHER_FIELDS, Event
from tests.integration.transform.visitors import (
    Record,
    Rows,
    Visitor,
    in_order,
    recount_retention,
    recount_sessions,
    start_of_week,
    visitor_of,
)

EPOCH = datetime(1970, 1, 1)
DAY = 86_400
FUNNELS: Mapping[str, tuple[Sequence[str], Sequence[str], str | None]] = {
    "edited": (["view", "edit"], [], None),
    "edited_the_same": (["view", "edit"], ["entity_id"], "country"),
}
"""Steps, match keys and breakdown of each of visits.FUNNELS; all within a day."""


def counted_by_user(events: Sequence[Event]) -> dict[str, Rows]:
    """Of events in the order in which they came."""
    records = [record_of(event) for event in events]
    return {
        "fct_sessions": recount_sessions(records),
        "fct_visitor_activity_daily": visitor_days(events),
        "fct_retention_daily": recount_retention(records, "day"),
        "fct_retention_weekly": recount_retention(records, "week"),
        "fct_user_sequences_daily": user_sequences(events),
        "funnels": in_order(
            row
            for tenant in {event.tenant for event in events}
            for funnel in FUNNELS
            for row in funnel_days(
                [event for event in events if event.tenant == tenant], funnel
            )
        ),
    }


def record_of(event: Event) -> Record:
    fields = zip(OTHER_FIELDS, event.fields, strict=True)
    return {
        "feed": "visits",
        "tenant": event.tenant,
        "at": event.time.isoformat(),
        "sample_rate": event.sample_rate,
        **{name: value for name, value in fields if value is not None},
    }


def visitor_days(events: Sequence[Event]) -> Rows:
    """Days by the file that brought the first event, and what earlier files knew."""
    known = defaultdict[Visitor, set[date]](set)
    rows: Rows = []
    for file, found in groupby(events, lambda event: event.file):
        seen = {(visitor_of(record_of(event)), event.time.date()) for event in found}
        firsts = {visitor: min(days) for visitor, days in known.items()}
        for visitor, day in sorted(seen, key=lambda one: one[1]):
            if visitor is None or day in known[visitor]:
                continue
            weeks = {start_of_week(one) for one in known[visitor]}
            is_known_week = start_of_week(day) in weeks
            rows.append((file, *visitor, day, firsts.get(visitor), is_known_week))
            known[visitor].add(day)
    return in_order(rows)


def user_sequences(events: Sequence[Event]) -> Rows:
    """The moments of each user's day, with the types of the events at each."""
    days = defaultdict[tuple[Any, ...], list[Event]](list)
    for event in events:
        if user := event.field("user_id"):
            days[event.tenant, user, event.time.date()].append(event)
    return in_order(
        (*day, number, moment[0], sorted(map(type_of, together), key=none_first))
        for day, found in days.items()
        for number, (moment, together) in enumerate(
            groupby(sorted(found, key=moment_of), moment_of), 1
        )
    )


def moment_of(event: Event) -> tuple[datetime, bytes]:
    return event.time, (event.field("event_id") or "").encode()


def type_of(event: Event) -> str | None:
    return event.field("event_type")


def none_first(text: str | None) -> tuple[bool, str]:
    return text is not None, text or ""


def funnel_days(events: Sequence[Event], funnel: str) -> Rows:
    """The rows that one tenant's events make of a funnel."""
    steps, keys, breakdown = FUNNELS[funnel]
    groups = grouped(
        [
            {
                "tenant_id": event.tenant,
                "at": (event.time - EPOCH) / timedelta(seconds=1),
                **dict(zip(OTHER_FIELDS, event.fields, strict=True)),
            }
            for event in events
        ],
        [lambda event, step=step: event["event_type"] == step for step in steps],  # type: ignore[misc]
        keys=keys,
        breakdown=breakdown,
    )
    rows: Rows = []
    for day in {event.time.date() for event in events}:
        start = (day - EPOCH.date()).days * DAY
        rules = Rules("ordered", DAY)
        found = counts(groups, len(steps), rules, (start, start + DAY))
        if not found:
            continue
        for value, step, *told in table(
            found, len(steps), is_broken_down=breakdown is not None
        ):
            rows.append(
                (
                    *(funnel, events[0].tenant, day, value, step, steps[step - 1]),
                    *told[:4],
                    *(None if one is None else round(one, 3) for one in told[4:]),
                )
            )
    return rows
