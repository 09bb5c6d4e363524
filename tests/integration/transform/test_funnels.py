"""Funnels are what a recount of the files says, whenever the events come."""

import json
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import psycopg
import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query
from tests.integration.funnels.recount import (
    Happened,
    Rules,
    counts,
    grouped,
    progress,
    table,
)

START = datetime(2025, 1, 30, tzinfo=UTC)
DAYS = 4
DAY = 86_400
HOUR = 3_600
FUNNELS = """
bought:
  steps: [view, cart, buy]
  window: 1 day
bought_at_once:
  steps: [view, cart]
  order: strict
  window: 30 hours
did_all:
  steps: [buy, view, cart]
  order: any
  window: 5 hours
steadily:
  steps:
    - view
    - {step: cart or buy, event_type: [cart, buy], window: 2 hours}
    - {step: view again, event_type: view, window: 9 hours}
  window: 10 hours
same_colour:
  steps:
    - {step: seen, event_type: view}
    - {step: got, where: {event_type: [cart, buy], item.size: [s, m]}}
  match: [item.colour]
  breakdown: country
  window: 2 days
"""
Event = Mapping[str, Any]
Condition = Callable[[Event], bool]


def of_type(*types: str) -> Condition:
    return lambda event: event["event_type"] in types


# Steps, rules, match keys, breakdown.
RECOUNTED: Mapping[
    str, tuple[Sequence[Condition], Rules, Sequence[str], str | None]
] = {
    "bought": (
        [of_type("view"), of_type("cart"), of_type("buy")],
        Rules("ordered", DAY),
        [],
        None,
    ),
    "bought_at_once": (
        [of_type("view"), of_type("cart")],
        Rules("strict", 30 * HOUR),
        [],
        None,
    ),
    "did_all": (
        [of_type("buy"), of_type("view"), of_type("cart")],
        Rules("any", 5 * HOUR),
        [],
        None,
    ),
    "steadily": (
        [of_type("view"), of_type("cart", "buy"), of_type("view")],
        Rules("ordered", 10 * HOUR, [inf, 2 * HOUR, 9 * HOUR]),
        [],
        None,
    ),
    "same_colour": (
        [
            of_type("view"),
            lambda event: (
                event["event_type"] in ("cart", "buy") and event["size"] in ("s", "m")
            ),
        ],
        Rules("ordered", 2 * DAY),
        ["colour"],
        "country",
    ),
}


@pytest.fixture
def funnels(settings: Settings) -> Settings:
    """The warehouse with these funnels declared."""
    file = settings.home / "funnels.yml"
    file.write_text(FUNNELS)
    return replace(settings, funnels=file)


def some_events(seed: int, count: int) -> list[Event]:
    """Times at half hours, so that many are the same; ids mostly missing."""
    drawn = random.Random(seed)
    return [
        {
            "at": drawn.randrange(DAYS * 48) * 1_800,
            "tenant_id": drawn.choice(["acme", "acme", "globex"]),
            "user_id": drawn.choice(["ada", "bob", "cem", "dot", None]),
            "event_id": drawn.choice([None, None, "7", "é"]),
            "event_type": drawn.choice(["view", "view", "cart", "buy", "other", None]),
            "country": drawn.choice(["DE", "US", None]),
            "colour": drawn.choice(["red", "blue", None]),
            "size": drawn.choice(["s", "m", "l"]),
        }
        for _ in range(count)
    ]


def deliver(settings: Settings, land: Land, name: str, events: Sequence[Event]) -> None:
    """As a file of a feed whose every record is an event."""
    lines = [
        {
            "tenant": event["tenant_id"],
            "at": (START + timedelta(seconds=event["at"])).isoformat(),
            "item": {"colour": event["colour"], "size": event["size"]},
            **{
                name: event[name]
                for name in ("user_id", "event_id", "event_type", "country")
            },
        }
        for event in events
    ]
    land(settings, f"notes/{name}", "\n".join(map(json.dumps, lines)) + "\n")
    load_new_files(settings)


def recounted(events: Sequence[Event]) -> dict[tuple[object, ...], list[object]]:
    """What marts.funnels has to have: by funnel, tenant, day, breakdown and step."""
    rows: dict[tuple[object, ...], list[object]] = {}
    for funnel, (steps, rules, keys, breakdown) in RECOUNTED.items():
        for tenant in ("acme", "globex"):
            own = [event for event in events if event["tenant_id"] == tenant]
            groups = grouped(own, steps, keys=keys, breakdown=breakdown)
            for day in range(DAYS):
                found = counts(groups, len(steps), rules, (day * DAY, (day + 1) * DAY))
                if not found:
                    continue
                date = (START + timedelta(days=day)).date()
                for value, step, *told in table(
                    found, len(steps), is_broken_down=breakdown is not None
                ):
                    if rules.order == "any":
                        told[-1] = None
                    rows[funnel, tenant, date, value, step] = [*told]
    return rows


def assert_recounted(settings: Settings, query: Query, events: Sequence[Event]) -> None:
    got = {
        row[:5]: list(row[5:])
        for row in query(
            settings,
            "select funnel, tenant_id, first_date, breakdown, step_number, user_count,"
            " match_count, conversion_from_start, conversion_from_previous,"
            " median_seconds, p90_seconds, median_seconds_from_previous"
            " from marts.funnels",
        )
    }
    expected = recounted(events)
    assert got.keys() == expected.keys()
    for key, row in expected.items():
        assert got[key] == pytest.approx(row), key


def sequences(settings: Settings, query: Query) -> list[tuple[object, ...]]:
    return query(
        settings,
        "select tenant_id, user_id, event_date, event_times, event_type_keys"
        " from marts.user_sequences_daily"
        " inner join analytics.dim_users using (tenant_id, user_key) order by 1, 2, 3",
    )


def assert_sequences(settings: Settings, query: Query, events: Sequence[Event]) -> None:
    keys: dict[object, int] = {None: 0}
    for key, name in query(settings, "select * from marts.event_types"):
        keys[name] = int(str(key))
    days: dict[tuple[object, ...], list[Event]] = {}
    for event in events:
        if event["user_id"] is not None:
            at = START + timedelta(seconds=event["at"])
            day = (event["tenant_id"], event["user_id"], at.date())
            days.setdefault(day, []).append(event)
    got = sequences(settings, query)
    assert [row[:3] for row in got] == sorted(days)
    for tenant, user, date, times, codes in got:
        of_day = days[tenant, user, date]
        moments = sorted(
            {(event["at"], (event["event_id"] or "").encode()) for event in of_day}
        )
        unpacked: list[list[int]] = []
        for code in codes:  # type: ignore[attr-defined]
            if code >= 0:
                unpacked.append([])
            unpacked[-1].append(code if code >= 0 else ~code)
        assert [sorted(together) for together in unpacked] == [
            sorted(
                keys[event["event_type"]]
                for event in of_day
                if (event["at"], (event["event_id"] or "").encode()) == moment
            )
            for moment in moments
        ]
        assert times == sorted(
            START + timedelta(seconds=event["at"]) for event in of_day
        )


def test_funnels_of_files_in_any_order_are_a_recount_and_a_full_refresh_changes_nothing(
    funnels: Settings, land: Land, query: Query
) -> None:
    events = some_events(1, 260)
    parts = [events[:120], events[120:240], events[240:]]
    for number, part in enumerate(parts, 1):
        deliver(funnels, land, f"{number}.json", part)
        transform(funnels)
        so_far = [event for part in parts[:number] for event in part]
        assert_sequences(funnels, query, so_far)
        assert_recounted(funnels, query, so_far)
    packed = sequences(funnels, query)

    transform(funnels, full_refresh=True)

    assert_recounted(funnels, query, events)
    assert_sequences(funnels, query, events)
    assert len(packed) == len(sequences(funnels, query))


@pytest.mark.parametrize(
    ("at", "days"),
    [
        pytest.param(
            2 * DAY,
            {
                "bought": {1, 2},
                "bought_at_once": {0, 1, 2},
                "did_all": {1, 2},
                "steadily": {1, 2},
                "same_colour": {0, 1, 2},
            },
            id="at midnight",
        ),
        pytest.param(
            2 * DAY + 19 * HOUR,
            {
                "bought": {1, 2},
                "bought_at_once": {1, 2},
                "did_all": {2, 3},
                "steadily": {2},
                "same_colour": {0, 1, 2},
            },
            id="in the evening",
        ),
    ],
)
def test_late_event_has_only_the_days_counted_anew_that_reach_it(
    funnels: Settings,
    land: Land,
    query: Query,
    at: int,
    days: Mapping[str, set[int]],
) -> None:
    def versions() -> dict[tuple[object, ...], object]:
        return {
            row[:3]: row[3]
            for row in query(
                funnels,
                "select funnel, tenant_id, first_date, min(xmin::text)"
                " from marts.funnels group by 1, 2, 3",
            )
        }

    deliver(funnels, land, "1.json", some_events(2, 300))
    transform(funnels)
    before = versions()
    late = {**some_events(3, 1)[0], "at": at, "tenant_id": "acme"}
    deliver(funnels, land, "2.json", [{**late, "user_id": "ada"}])

    transform(funnels)

    after = versions()
    assert {key[1] for key in before if before[key] != after[key]} == {"acme"}
    changed: dict[object, set[int]] = {}
    for funnel, tenant, date in before:
        if before[funnel, tenant, date] != after[funnel, tenant, date]:
            changed.setdefault(funnel, set()).add((date - START.date()).days)  # type: ignore[operator]
    assert changed == days


def test_value_that_no_index_takes_is_counted_with_those_that_have_none(
    funnels: Settings, land: Land, query: Query
) -> None:
    funnels.funnels.write_text(
        "by_colour: {steps: [view, buy], window: 1 day, breakdown: item.colour}\n"
        "by_country: {steps: [view, buy], window: 1 day, breakdown: country}\n"
    )
    # Random, so that Postgres can't make it short by compression.
    colours = ["é" * 100, "é" * 100 + "e", secrets.token_hex(4_000), None]
    visits = [
        {
            **{"at": 0, "tenant_id": "acme", "event_id": None, "event_type": "view"},
            **{"user_id": str(number), "colour": colour, "size": "s", "country": "DE"},
        }
        for number, colour in enumerate(colours)
    ]
    bought = {**visits[2], "at": 1, "event_type": "buy", "colour": "red"}
    deliver(funnels, land, "1.json", [*visits, bought])

    transform(funnels)

    assert query(
        funnels,
        "select funnel, breakdown, step_number, user_count from marts.funnels"
        " order by 1, 2 nulls last, 3",
    ) == [
        ("by_colour", "é" * 100, 1, 1),
        ("by_colour", "é" * 100, 2, 0),
        ("by_colour", None, 1, 3),
        ("by_colour", None, 2, 1),
        ("by_country", "DE", 1, 4),
        ("by_country", "DE", 2, 1),
    ]


@pytest.mark.long
def test_funnel_that_is_declared_otherwise_is_counted_anew_without_new_events(
    funnels: Settings, land: Land, query: Query
) -> None:
    deliver(funnels, land, "1.json", some_events(4, 100))
    transform(funnels)
    funnels.funnels.write_text("seen: {steps: [view, other], window: 1 day}\n")

    transform(funnels)

    names = query(funnels, "select distinct funnel, step from marts.funnels order by 2")
    assert names == [("seen", "other"), ("seen", "view")]


def test_funnel_on_demand_is_a_recount_in_every_order(
    funnels: Settings, land: Land, query: Query
) -> None:
    """As a BI tool asks, and of parts of days."""
    events = some_events(5, 240)
    deliver(funnels, land, "1.json", events)
    transform(funnels)
    drawn = random.Random(6)
    with psycopg.connect(funnels.dsn, autocommit=True) as connection:
        connection.execute("set role warehouse_reader")
        for _ in range(120):
            types = drawn.choices(["view", "cart", "buy", "other", "no such"], k=3)
            order = drawn.choice(["ordered", "strict", "any"])
            whole = drawn.choice([None, 4 * HOUR, DAY])
            between = drawn.choice([None, HOUR, 8 * HOUR]) if order != "any" else None
            start, end = sorted(drawn.choices(range(0, DAYS * DAY, 900), k=2))
            tenant = drawn.choice([None, "acme"])
            rows = connection.execute(
                "select step, user_count, median_seconds, p90_seconds,"
                " median_seconds_from_previous"
                " from marts.funnel(%s, %s, %s, %s, %s, %s, %s)",
                (
                    types,
                    START + timedelta(seconds=start),
                    START + timedelta(seconds=end),
                    tenant,
                    order,
                    whole and timedelta(seconds=whole),
                    between and timedelta(seconds=between),
                ),
            ).fetchall()
            groups = grouped(
                [
                    event
                    for event in events
                    if start <= event["at"] < end
                    and tenant in (None, event["tenant_id"])
                ],
                [of_type(one) for one in types],
                keys=[],
            )
            rules = Rules(order, whole or inf, [inf] + [between or inf] * 2)
            expected = [
                (types[step - 1], users, median, p90, None if order == "any" else last)
                for _, step, users, _, _, _, median, p90, last in table(
                    counts(groups, 3, rules), 3, is_broken_down=False
                )
            ]
            assert [pytest.approx(row) for row in rows] == expected


def test_recount_finds_what_is_plain() -> None:
    """The recount itself, where the answer is seen at once."""
    views = [
        Happened(0, steps=frozenset({1})),
        Happened(5, steps=frozenset({1})),
        Happened(11, steps=frozenset({2})),
    ]

    assert progress(views, 2, Rules("ordered", 10)) == [(0, 0), (6, 6)]
    assert progress(views, 2, Rules("strict", 5)) == [(0, 0)]
