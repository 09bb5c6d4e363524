"""Statistics are collected where a table has grown, and nowhere else."""

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query

HEADER = "customer_id,event_type,transaction_id,timestamp\n"
ANALYZED = """
    select relname, analyze_count from pg_stat_user_tables
    where
        schemaname in ('analytics', 'marts') and n_live_tup >= 100
        -- Batches are made anew.
        and not starts_with(relname, 'int_')
"""


def events(first: int, count: int) -> str:
    return HEADER + "".join(
        f"tenant-{n},visit-{n},{n},2025-01-01T{n % 24:02}:00:00Z\n"
        for n in range(first, first + count)
    )


def test_few_events_do_not_have_large_tables_looked_through_for_statistics(
    built_warehouse: Settings, land: Land, query: Query
) -> None:
    land(built_warehouse, "customer_events/many.csv", events(0, 300))
    load_new_files(built_warehouse)
    transform(built_warehouse)
    before = query(built_warehouse, ANALYZED)

    land(built_warehouse, "customer_events/one.csv", events(300, 1))
    load_new_files(built_warehouse)
    transform(built_warehouse)

    names = {name for name, _ in before}
    assert {"events_2025_01", "fct_entity_activity_daily", "rollup_events_1hr"} <= names
    assert all(count == 1 for _, count in before)
    assert [
        row for row in query(built_warehouse, ANALYZED) if row[0] in names
    ] == before
