"""Late data changes its own rows; nothing new changes none."""

from typing import Any

import psycopg
from psycopg import sql

from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Query
from tests.integration.transform.tables import assert_tells
from tests.integration.transform.visits import ALL, Deliver, visit

VERSIONED = {
    "analytics.events": "load_id, line_number",
    "analytics.rejected_events": "load_id, line_number",
    "analytics.duplicate_events": "load_id, line_number",
    "analytics.fct_entity_activity_daily": (
        "tenant_id, event_date::text, entity_key, event_type_key, user_key"
    ),
    "analytics.rollup_events_5min": "tenant_id, (event_5min at time zone 'UTC')::text",
    "analytics.rollup_events_1hr": "tenant_id, (event_hour at time zone 'UTC')::text",
    "analytics.fct_entity_activity_monthly": "tenant_id, event_month::text, entity_key",
    "analytics.fct_device_activity_daily": "tenant_id, event_date::text, device_key",
    "analytics.fct_sessions": "tenant_id, (session_end at time zone 'UTC')::text",
    "analytics.fct_visitor_activity_daily": "tenant_id, event_date::text, visitor_key",
    "analytics.fct_user_sequences_daily": "tenant_id, event_date::text, user_key",
    "marts.event_types_hourly": "tenant_id, (event_hour at time zone 'UTC')::text",
    "marts.tenant_events_5min": "tenant_id, (event_5min at time zone 'UTC')::text",
    "marts.tenant_events_hourly": "tenant_id, (event_hour at time zone 'UTC')::text",
    "marts.tenant_events_daily": "tenant_id, event_date::text",
    "marts.most_active_entities_daily": "tenant_id, event_date::text",
    "marts.most_active_users_daily": "tenant_id, event_date::text",
    "marts.most_active_devices_daily": "tenant_id, event_date::text",
}


def versions(settings: Settings, table: str) -> set[tuple[Any, ...]]:
    """Each row's key with the transaction that wrote it."""
    with psycopg.connect(settings.dsn) as connection:
        query = f"select {VERSIONED[table]}, xmin::text, ctid::text from {table}"
        return set(connection.execute(sql.SQL(query)).fetchall())


def test_running_again_with_nothing_new_touches_no_row(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    deliver(ALL)
    transform(settings)
    before = {table: versions(settings, table) for table in VERSIONED}

    transform(settings)

    assert {table: versions(settings, table) for table in VERSIONED} == before


def test_late_event_changes_the_rows_of_its_own_bucket_and_tenant_only(
    settings: Settings, deliver: Deliver
) -> None:
    deliver(ALL)
    transform(settings)
    before = {table: versions(settings, table) for table in VERSIONED}
    late = visit(
        event_id="99",
        event_type="view",
        at="2025-01-01T10:04:00Z",
        user_id="ada",
        entity_id="p1",
        country="DE",
        browser="Firefox",
        device_id="phone",
        session_id="s3",
    )
    deliver([("late.json", late)])

    transform(settings)

    changed = {
        table: {key[:2] for key in before[table] ^ versions(settings, table)}
        for table in VERSIONED
    }
    assert changed == {
        "analytics.events": {(6, 1)},
        "analytics.rejected_events": set(),
        "analytics.duplicate_events": set(),
        "analytics.fct_entity_activity_daily": {("acme", "2025-01-01")},
        "analytics.rollup_events_5min": {("acme", "2025-01-01 10:00:00")},
        "analytics.rollup_events_1hr": {("acme", "2025-01-01 10:00:00")},
        "analytics.fct_entity_activity_monthly": {("acme", "2025-01-01")},
        "analytics.fct_device_activity_daily": {("acme", "2025-01-01")},
        "analytics.fct_sessions": {("acme", "2025-01-01 10:05:00")},
        "analytics.fct_visitor_activity_daily": set(),
        "analytics.fct_user_sequences_daily": {("acme", "2025-01-01")},
        "marts.event_types_hourly": {("acme", "2025-01-01 10:00:00")},
        "marts.tenant_events_5min": {("acme", "2025-01-01 10:00:00")},
        "marts.tenant_events_hourly": {("acme", "2025-01-01 10:00:00")},
        "marts.tenant_events_daily": {("acme", "2025-01-01")},
        "marts.most_active_entities_daily": {("acme", "2025-01-01")},
        "marts.most_active_users_daily": {("acme", "2025-01-01")},
        "marts.most_active_devices_daily": {("acme", "2025-01-01")},
    }
    assert_tells(settings, [*ALL, ("late.json", late)])


def test_late_event_of_a_month_never_seen_gets_a_partition(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    deliver([("a.json", visit(at="1999-12-31T23:59:59Z"))])

    transform(settings)

    where = "select tableoid::regclass::text from analytics.events"
    assert query(settings, where) == [("analytics.events_1999_12",)]
