"""Keys and their values, kept as events come, are what a recount of the events says."""

import random
from collections import Counter
from typing import Any

import psycopg
import pytest

from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.conftest import NO_LOG_FILE
from tests.fixture_types import Query
from tests.integration.query.conftest import Happen
from tests.integration.query.happenings import Event
from tests.integration.transform.key_values import LISTED, counted_keys

NOT_ATTRIBUTES = {*LISTED, "tenant", "at", "event_id", "sample_rate"}
MOST = 1_000

KEYS = """
    select tenant_id, key, event_type, event_count from analytics.fct_keys
    where tenant_id = any(%s)
"""
VALUES = """
    select tenant_id, key, event_type, value, event_count from analytics.fct_key_values
    where tenant_id = any(%s)
"""
KEYS_OF_EVENTS = """
    select tenant_id, key, event_type, count(*) from analytics.int_event_key_values
    where tenant_id = any(%s) group by 1, 2, 3
"""
VALUES_OF_EVENTS = """
    select tenant_id, key, event_type, value, count(*)
    from analytics.int_event_key_values
    where tenant_id = any(%s) and value is not null group by 1, 2, 3, 4
"""
NAMES = """
    select tenant_id, field, value from analytics.dim_tenant_values
    where tenant_id = any(%s)
"""
TENANTS = ["apex", "zeta"]


def counted(events: list[Event]) -> tuple[set[Any], set[Any], set[Any]]:
    keys, values = counted_keys(
        (
            event["tenant"],
            event,
            {key: one for key, one in event.items() if key not in NOT_ATTRIBUTES},
        )
        for event in events
    )
    names = {
        (event["tenant"], key, event[key])
        for event in events
        for key in ("event_type", "country", "browser")
        if event.get(key)
    }
    return keys, values, names


def found(query: Query, settings: Settings) -> tuple[set[Any], set[Any], set[Any]]:
    rows = [query(settings, text, TENANTS) for text in (KEYS, VALUES, NAMES)]
    assert all(len(one) == len(set(one)) for one in rows)
    return set(rows[0]), set(rows[1]), set(rows[2])


def test_keys_and_values_of_two_loads_and_of_a_full_refresh_are_what_a_recount_says(
    asked: Settings,
    events: list[Event],
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert found(query, asked) == counted(events)
    # What a deletion takes from them, event by event.
    one_by_one = (KEYS_OF_EVENTS, VALUES_OF_EVENTS)
    assert found(query, asked)[:2] == tuple(
        set(query(asked, text, TENANTS)) for text in one_by_one
    )

    monkeypatch.setenv(*NO_LOG_FILE)
    transform(asked, full_refresh=True)

    assert found(query, asked) == counted(events)


def test_of_many_values_the_same_ones_are_kept_with_all_their_events_in_any_order(
    asked: Settings, happen: Happen, query: Query
) -> None:
    chance = random.Random(5)
    # Each id comes about three times; the tenant has had none before.
    many = [
        {
            "tenant": "many",
            "event_id": f"m{number}",
            "at": "2025-03-29T00:00:00Z",
            "event_type": chance.choice(["view", "edit"]),
            "request": f"r{chance.randrange(4_000)}",
            "long": "x" * 300,
        }
        for number in range(12_000)
    ]

    happen(many, files=3)

    kept = query(
        asked,
        "select event_type, value, event_count from analytics.fct_key_values"
        " where tenant_id = 'many' and key in ('request', 'long')",
    )
    counts = Counter((one["event_type"], one["request"]) for one in many)
    distinct = {request for _, request in counts}
    hashes = hashes_of(asked, sorted(distinct))
    smallest = set(sorted(distinct, key=hashes.__getitem__)[:MOST])
    assert set(kept) == {
        (kind, value, n) for (kind, value), n in counts.items() if value in smallest
    }
    keys = query(
        asked,
        "select key, sum(event_count)::bigint from analytics.fct_keys"
        " where tenant_id = 'many' group by 1",
    )
    assert set(keys) == {("event_type", 12_000), ("request", 12_000), ("long", 12_000)}


def hashes_of(settings: Settings, values: list[str]) -> dict[str, int]:
    with psycopg.connect(settings.dsn) as connection:
        rows = connection.execute(
            "select value, hashtextextended(value, 0) from unnest(%s::text[]) as value",
            (values,),
        )
        return dict(rows.fetchall())
