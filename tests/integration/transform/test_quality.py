"""dbt's tests and freshness, as the quality DAG and a person ask for them."""

import psycopg
import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from event_warehouse.transform.quality import failed_tests, stale_sources
from event_warehouse.transform.run import transform
from tests.fixture_types import Land

FILE = (
    "customer_id,event_type,transaction_id,timestamp\n"
    "acme,buy,t1,2026-11-20T10:00:00Z\n"
)


@pytest.mark.long
def test_tests_and_sources_that_do_not_hold_are_named(
    built_warehouse: Settings, land: Land
) -> None:
    land(built_warehouse, "customer_events/a.csv", FILE)
    load_new_files(built_warehouse)
    transform(built_warehouse)
    assert failed_tests(built_warehouse) == []
    assert stale_sources(built_warehouse) == []

    with psycopg.connect(built_warehouse.dsn) as connection:
        # A row twice, as its key would not let it in.
        connection.execute("""
            alter table marts.tenant_events_daily
            drop constraint tenant_events_daily_pkey;
            insert into marts.tenant_events_daily table marts.tenant_events_daily;
            update raw.loads set finished_at = now() - interval '50 hours'
        """)
    failed = failed_tests(built_warehouse)
    assert failed
    assert all("tenant_events_daily" in one for one in failed)
    (stale,) = stale_sources(built_warehouse)
    assert stale.startswith("loads: ")
