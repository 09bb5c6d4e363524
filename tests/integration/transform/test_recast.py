"""Rejected events that are cast again, after their feed's declaration was mended."""

import json
from dataclasses import replace
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.recast import recast_rejected_events
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query
from tests.waiting import wait_until

FEED = """
visits:
  files: visits/*
  format: json_lines
  fields: {{tenant_id: tenant, event_time: at}}
  attributes: {{price: {type}, rank: integer}}
  identity: [event_id]
"""
VISITS = """
{"tenant":"a","event_id":"1","at":"2025-01-01T10:00:00Z","price":"1"}
{"tenant":"a","event_id":"2","at":"2025-01-01T10:00:00Z","price":"1.5"}
{"tenant":"a","event_id":"3","at":"2025-02-01T10:00:00Z","price":"2.5"}
{"tenant":"a","event_id":"3","at":"2025-02-01T10:00:00Z","price":"2.5"}
{"tenant":"a","event_id":"4","at":"2025-01-01T10:00:00Z","rank":"first"}
"""
EVENTS = "select event_id from analytics.events order by 1"
REJECTED = """
    select line_number, rejected_column from analytics.rejected_events order by 1
"""
DUPLICATES = "select line_number from analytics.duplicate_events"
COUNTED = "select sum(event_count)::int from marts.tenant_events_hourly"
ACCOUNTS = """
    select status, raw_row_count, event_count, rejected_event_count,
        duplicate_event_count
    from marts.accounting
"""


@pytest.fixture
def rejecting(settings: Settings, land: Land, tmp_path: Path) -> Settings:
    """A warehouse that has rejected prices because they are no integers."""
    settings = replace(settings, feeds=tmp_path / "feeds.yml")
    settings.feeds.write_text(FEED.format(type="integer"))
    land(settings, "visits/a.json", VISITS)
    load_new_files(settings)
    transform(settings)
    return settings


def test_events_that_pass_by_the_mended_declaration_are_events_everywhere(
    rejecting: Settings, query: Query
) -> None:
    assert query(rejecting, EVENTS) == [("1",)]
    assert [line for line, _ in query(rejecting, REJECTED)] == [3, 4, 5, 6]
    rejecting.feeds.write_text(FEED.format(type="numeric"))

    assert recast_rejected_events(rejecting) == 4
    transform(rejecting)

    assert query(rejecting, EVENTS) == [("1",), ("2",), ("3",)]
    assert query(rejecting, REJECTED) == [(6, "attributes.rank")]
    assert query(rejecting, DUPLICATES) == [(5,)]
    assert query(rejecting, COUNTED) == [(3,)]
    assert query(rejecting, ACCOUNTS) == [("balanced", 5, 3, 1, 1)]
    assert verify(rejecting).problems == ()


def test_nothing_is_cast_again_while_the_declaration_is_the_same(
    rejecting: Settings,
) -> None:
    assert recast_rejected_events(rejecting) == 0
    assert recast_rejected_events(rejecting, all_of_them=True) == 4


def test_recast_that_waits_for_the_transform_is_asked_for_once(
    rejecting: Settings, query: Query
) -> None:
    rejecting.feeds.write_text(FEED.format(type="numeric"))

    assert recast_rejected_events(rejecting) == 4
    assert recast_rejected_events(rejecting) == 0
    assert recast_rejected_events(rejecting, all_of_them=True) == 0
    transform(rejecting)

    assert query(rejecting, EVENTS) == [("1",), ("2",), ("3",)]


def test_recast_waits_for_a_transform_that_gives_loads_their_numbers(
    rejecting: Settings, query: Query
) -> None:
    # A load that came between its number and its end would be taken for an earlier one.
    rejecting.feeds.write_text(FEED.format(type="numeric"))
    waiting = "select from pg_locks where locktype = 'advisory' and not granted"
    with psycopg.connect(rejecting.dsn) as transforming:
        transforming.execute(
            "select pg_advisory_xact_lock(hashtextextended('model int_event_batch', 0))"
        )
        recast = Thread(target=recast_rejected_events, args=[rejecting])
        recast.start()
        wait_until(lambda: len(query(rejecting, waiting)) == 1)
        assert query(rejecting, "select from ledger.recast_events") == []
    recast.join()

    assert len(query(rejecting, "select from ledger.recast_events")) == 4


def test_text_that_is_declared_json_later_may_be_nested_as_deep_as_a_line(
    rejecting: Settings, land: Land, query: Query
) -> None:
    flat = json.dumps([{"n": n, "of": [n, "{[" + '"\\']} for n in range(1_000)])
    texts = [
        *("[" * 500 + "]" * 500, flat, '["' + "[" * 50_000 + '"]'),
        *("[" * 501 + "]" * 501, "[" * 50_000, '["', "[" * 501 + '"' + '\\"' * 200_000),
    ]
    visit = {"tenant": "a", "at": "2025-01-01T10:00:00Z", "price": "1.5"}
    lines = [
        json.dumps({**visit, "event_id": f"t{number}", "note": text}) + "\n"
        for number, text in enumerate(texts)
    ]
    land(rejecting, "visits/b.json", "".join(lines))
    load_new_files(rejecting)
    transform(rejecting)
    feed = FEED.format(type="numeric").replace("rank: integer", "note: json")
    rejecting.feeds.write_text(feed)

    recast_rejected_events(rejecting)
    transform(rejecting)

    assert query(
        rejecting,
        "select event_id from analytics.events where starts_with(event_id, 't')"
        " order by 1",
    ) == [("t0",), ("t1",), ("t2",)]
    assert query(
        rejecting,
        "select line_number, rejected_reason from analytics.rejected_events order by 1",
    ) == [
        (4, "is JSON nested too deep"),
        (5, "is JSON nested too deep"),
        (6, "is not of type json"),
        (7, "is JSON nested too deep"),
    ]
    read = "select jsonb_array_length(note) from analytics.visits where event_id = 't1'"
    assert query(rejecting, read) == [(1_000,)]


@pytest.mark.long
def test_full_refresh_after_a_recast_gives_the_same(
    rejecting: Settings, query: Query
) -> None:
    rejecting.feeds.write_text(FEED.format(type="numeric"))
    recast_rejected_events(rejecting)
    transform(rejecting)
    queries = (EVENTS, REJECTED, DUPLICATES, COUNTED, ACCOUNTS)
    before = [query(rejecting, one) for one in queries]

    transform(rejecting, full_refresh=True)

    assert [query(rejecting, one) for one in queries] == before
    assert verify(rejecting).problems == ()


def test_warehouse_that_was_never_transformed_has_nothing_to_cast_again(
    settings: Settings,
) -> None:
    assert recast_rejected_events(settings) == 0
