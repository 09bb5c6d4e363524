"""Everything is made anew from raw, by the declarations of now."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest

from event_warehouse.errors import TransformError, WarehouseError
from event_warehouse.lifecycle.expire import expire
from event_warehouse.lifecycle.forget import forget
from event_warehouse.load.files import load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.pending import is_pending
from event_warehouse.transform.recast import recast_rejected_events
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query

FEED = """
visits:
  files: visits/*
  format: json_lines
  fields: {{tenant_id: tenant, event_time: at}}
  attributes: {{price: {price}}}
  identity: [event_id]
"""
EVENTS = "select event_id, attributes ->> 'price' from analytics.events order by 1"
COUNTED = "select sum(event_count)::int from marts.tenant_events_daily"
ACCOUNTS = "select status, event_count, rejected_event_count from marts.accounting"


@pytest.fixture
def settings(built_warehouse: Settings, tmp_path: Path) -> Settings:
    settings = replace(built_warehouse, feeds=tmp_path / "feeds.yml")
    declare(settings, price="text")
    return settings


def declare(settings: Settings, *, price: str) -> None:
    settings.feeds.write_text(FEED.format(price=price))


def line(number: int, price: str, user: str = "bob") -> str:
    event = {"tenant": "a", "event_id": f"{number}", "at": "2025-01-01T10:00:00Z"}
    return json.dumps({**event, "user_id": user, "price": price}) + "\n"


def take_in(settings: Settings, land: Land, name: str, content: str) -> None:
    land(settings, f"visits/{name}", content)
    load_new_files(settings)
    transform(settings)


def test_refresh_that_was_ended_is_completed_by_the_next_run(
    settings: Settings, land: Land, query: Query
) -> None:
    # The second repeats the first, until that is rejected.
    take_in(settings, land, "a", line(1, "abc") + line(2, "5"))
    take_in(settings, land, "b", line(1, "12"))
    declare(settings, price="numeric")

    transform(
        settings, full_refresh=True, only=["int_event_batch", "int_repeats", "events"]
    )
    assert is_pending(settings)
    with pytest.raises(WarehouseError, match="warehouse transform"):
        expire(settings, events_before=date(2024, 1, 1))
    transform(settings)

    assert query(settings, EVENTS) == [("1", "12"), ("2", "5")]
    assert query(settings, COUNTED) == [(2,)]
    assert verify(settings).problems == ()
    assert not is_pending(settings)


@pytest.mark.parametrize("fact", ["fct_device_activity_daily", "rollup_events_5min"])
def test_fact_is_not_made_of_what_was_cast_before_a_refresh(
    settings: Settings, land: Land, query: Query, fact: str
) -> None:
    take_in(settings, land, "a", line(1, "abc") + line(2, "5"))
    declare(settings, price="numeric")
    transform(
        settings, full_refresh=True, only=["int_event_batch", "int_repeats", "events"]
    )

    with pytest.raises(
        TransformError, match=r"--full-refresh --select int_event_batch\+"
    ):
        transform(settings, only=[fact])
    transform(settings)

    counted = f"select sum(event_count)::int from analytics.{fact}"
    assert query(settings, counted) == [(1,)]
    assert verify(settings).problems == ()


def test_fact_is_not_emptied_if_its_batch_is_not_there(
    settings: Settings, land: Land, query: Query
) -> None:
    take_in(settings, land, "a", line(1, "abc"))
    with psycopg.connect(settings.dsn) as connection:
        # As after an upgrade that adds the batch, or after a crash.
        connection.execute(
            "delete from ledger.batches where model = 'int_keyed_events'"
        )

    with pytest.raises(TransformError, match="reads all of int_keyed_events"):
        transform(settings, full_refresh=True, only=["fct_device_activity_daily"])

    counted = "select sum(event_count)::int from analytics.fct_device_activity_daily"
    assert query(settings, counted) == [(1,)]


@pytest.mark.long
def test_refresh_compares_with_nothing_that_was_cast_before(
    settings: Settings, land: Land, query: Query
) -> None:
    take_in(settings, land, "a", line(1, "abc"))
    take_in(settings, land, "b", line(1, "12"))
    declare(settings, price="numeric")

    transform(settings, full_refresh=True)

    assert query(settings, EVENTS) == [("1", "12")]
    assert query(settings, COUNTED) == [(1,)]
    assert verify(settings).problems == ()


@pytest.mark.long
def test_refresh_keeps_account_of_a_deleted_user_s_recast_events(
    settings: Settings, land: Land, query: Query
) -> None:
    declare(settings, price="integer")
    take_in(settings, land, "a", line(1, "1") + line(2, "1.5", "ada") + line(3, "2.5"))
    declare(settings, price="numeric")
    assert recast_rejected_events(settings) == 2
    transform(settings)
    forget(settings, tenant_id="a", user_id="ada")

    transform(settings, full_refresh=True)

    assert verify(settings).problems == ()
    assert query(settings, ACCOUNTS) == [("balanced", 3, 0)]
    assert query(settings, COUNTED) == [(2,)]

    # A version before v0012 did not count what it took of sessions.
    with psycopg.connect(settings.dsn) as connection:
        connection.execute("update ledger.removed_rows set event_count = null")
    assert verify(settings).problems == ()
