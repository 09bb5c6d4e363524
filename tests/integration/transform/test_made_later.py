"""A model that is made later than the others holds what they hold, and nothing else."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from event_warehouse.errors import TransformError
from event_warehouse.lifecycle.expire import expire
from event_warehouse.lifecycle.forget import forget
from event_warehouse.load.files import load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.recast import recast_rejected_events
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query
from tests.integration.transform.tables import contents

FEED = """
visits:
  files: visits/*
  format: json_lines
  fields: {{tenant_id: tenant, event_time: at}}
  attributes: {{price: {price}}}
  identity: [event_id]
"""
EVENTS = "select event_id, user_id from analytics.events order by 1"
REJECTED = """
    select line_number, rejected_value, kind
    from analytics.rejected_events inner join ledger.applies using (apply_id)
    order by 1
"""
TWICE = """
    select from analytics.int_event_batch group by load_id, line_number
    having count(*) > 1
"""
BY_DEVICE = "select sum(event_count)::int from analytics.fct_device_activity_daily"
FACTS = (
    "fct_device_activity_daily",
    "fct_entity_activity_daily",
    "fct_key_values",
    "fct_sessions",
    "fct_user_sequences_daily",
    "rollup_events_5min",
)
"""One or more of each batch, and one that reads events beside it."""
NEXT_YEAR = date(date.today().year + 1, 1, 15)


@pytest.fixture
def settings(built_warehouse: Settings, tmp_path: Path) -> Settings:
    settings = replace(built_warehouse, feeds=tmp_path / "feeds.yml")
    declare(settings, price="integer")
    return settings


def declare(settings: Settings, *, price: str) -> None:
    settings.feeds.write_text(FEED.format(price=price))


def line(event_id: int, user: str, price: object = 1) -> str:
    at = f"2025-0{event_id}-01T10:00:00Z"
    event = {"tenant": "a", "event_id": f"{event_id}", "at": at, "price": price}
    return json.dumps({**event, "user_id": user, "device_id": f"{user}-phone"}) + "\n"


def deliver(settings: Settings, land: Land, name: str, content: str) -> None:
    land(settings, f"visits/{name}", content)
    load_new_files(settings)


def drop(settings: Settings, *models: str) -> None:
    """As dbt does where a contract's columns have changed."""
    with psycopg.connect(settings.dsn) as connection:
        for model in models:
            table = sql.Identifier("analytics", model)
            connection.execute(sql.SQL("drop table {} cascade").format(table))
        connection.execute(
            "delete from ledger.models where model = any(%s)", [list(models)]
        )
        connection.execute("delete from ledger.project")


def test_fact_made_later_counts_the_events_that_are_there(
    settings: Settings, land: Land, query: Query
) -> None:
    # Bob's first is a repeat of ada's, and no event although hers goes.
    deliver(settings, land, "a", line(1, "ada") + line(1, "bob") + line(2, "bob"))
    transform(settings)
    forget(settings, tenant_id="a", user_id="ada")
    assert query(settings, EVENTS) == [("2", "bob")]
    drop(settings, *FACTS)
    deliver(settings, land, "b", line(2, "eve") + line(3, "eve") + line(3, "eve"))
    transform(settings)

    assert verify(settings).problems == ()
    assert query(settings, EVENTS) == [("2", "bob"), ("3", "eve")]
    assert query(settings, BY_DEVICE) == [(2,)]

    expire(settings, raw_before=NEXT_YEAR.replace(day=1), today=NEXT_YEAR)
    assert query(settings, "select from raw.events_raw") == []
    before = contents(settings)
    assert len(before["fct_sessions"]) == 2
    drop(settings, *FACTS)
    transform(settings)

    assert verify(settings).problems == ()
    assert contents(settings) == before


def test_rejected_events_made_after_a_recast_have_no_record_that_is_an_event(
    settings: Settings, land: Land, query: Query
) -> None:
    deliver(settings, land, "a", line(2, "ada") + line(3, "ada", 1.5))
    deliver(settings, land, "b", line(4, "bob", "none") + line(5, "bob"))
    transform(settings)
    assert query(settings, REJECTED) == [(1, "none", "load"), (2, "1.5", "load")]
    declare(settings, price="numeric")
    assert recast_rejected_events(settings) == 2
    transform(settings)
    rejected = [(1, "none", "recast")]
    assert query(settings, REJECTED) == rejected

    # The batch that makes the fact has no records, of which rejected events come.
    drop(settings, "fct_device_activity_daily")
    transform(settings)
    with pytest.raises(TransformError, match="must be refreshed before it"):
        transform(settings, full_refresh=True, only=["rejected_events"])
    drop(settings, "rejected_events")
    transform(settings, only=["rejected_events"])
    assert query(settings, REJECTED) == []
    transform(settings)

    assert query(settings, REJECTED) == rejected
    assert query(settings, TWICE) == []
    assert verify(settings).problems == ()
    assert [user for _, user in query(settings, EVENTS)] == ["ada", "ada", "bob"]
    assert query(settings, BY_DEVICE) == [(3,)]
