"""What the tables do hold, by natural keys, held against the recount."""

import psycopg
from psycopg import sql

from event_warehouse.accounting import verify
from event_warehouse.settings import Settings
from tests.integration.transform.recount import Rows, in_order, recount
from tests.integration.transform.visits import Files

FILE = "regexp_replace({}.uri, '.*/', '')"
ROLLUP = """
    select tenant_id, {bucket} at time zone 'UTC', event_type, country, browser,
        event_count, weighted_count, sketch.distinct_count(device_sketch),
        sketch.distinct_count(session_sketch)
    from analytics.{table}
    left join analytics.dim_event_types using (event_type_key)
    left join analytics.dim_countries using (country_key)
    left join analytics.dim_browsers using (browser_key)
"""
TENANT_EVENTS = """
    select tenant_id, {bucket}, event_count, weighted_count, device_count, session_count
    from marts.{table}
"""
TABLES = {
    "events": f"""
        select {FILE.format("loads")}, line_number, tenant_id,
            event_time at time zone 'UTC', sample_rate,
            array[event_id, event_type, user_id, entity_id, country, browser,
                device_id, session_id],
            attributes
        from analytics.events inner join raw.loads using (load_id)
    """,
    "rejected_events": f"""
        select {FILE.format("loads")}, line_number, tenant_id,
            rejected_column, rejected_value, rejected_reason
        from analytics.rejected_events inner join raw.loads using (load_id)
    """,
    "duplicate_events": f"""
        select {FILE.format("loads")}, line_number,
            {FILE.format("kept")}, kept_line_number, is_content_different
        from analytics.duplicate_events
        inner join raw.loads using (load_id)
        inner join raw.loads as kept on kept.load_id = kept_load_id
    """,
    "accounting": f"""
        select {FILE.format("accounting")}, status, record_count,
            rejected_line_count, raw_row_count, event_count, rejected_event_count,
            duplicate_event_count
        from marts.accounting
    """,
    "fct_entity_activity_daily": """
        select fact.tenant_id, event_date, entity_id, event_type, user_id, event_count
        from analytics.fct_entity_activity_daily as fact
        left join analytics.dim_entities using (entity_key)
        left join analytics.dim_event_types using (event_type_key)
        left join analytics.dim_users using (user_key)
    """,
    "rollup_events_5min": ROLLUP.format(
        bucket="event_5min", table="rollup_events_5min"
    ),
    "rollup_events_1hr": ROLLUP.format(bucket="event_hour", table="rollup_events_1hr"),
    "fct_entity_activity_monthly": """
        select fact.tenant_id, event_month, entity_id, event_count
        from analytics.fct_entity_activity_monthly as fact
        left join analytics.dim_entities using (entity_key)
    """,
    "fct_device_activity_daily": """
        select fact.tenant_id, event_date, device_id, event_count
        from analytics.fct_device_activity_daily as fact
        left join analytics.dim_devices using (device_key)
    """,
    "event_types_hourly": """
        select tenant_id, event_hour at time zone 'UTC', event_type, event_count,
            weighted_count
        from marts.event_types_hourly
    """,
    "tenant_events_5min": TENANT_EVENTS.format(
        bucket="event_5min at time zone 'UTC'", table="tenant_events_5min"
    ),
    "tenant_events_hourly": TENANT_EVENTS.format(
        bucket="event_hour at time zone 'UTC'", table="tenant_events_hourly"
    ),
    "tenant_events_daily": TENANT_EVENTS.format(
        bucket="event_date", table="tenant_events_daily"
    ),
    "most_active_entities_daily": """
        select tenant_id, event_date, activity_rank, entity_id, event_count
        from marts.most_active_entities_daily
    """,
    "most_active_users_daily": """
        select tenant_id, event_date, activity_rank, user_id, event_count
        from marts.most_active_users_daily
    """,
    "most_active_devices_daily": """
        select tenant_id, event_date, activity_rank, device_id, event_count
        from marts.most_active_devices_daily
    """,
}


def contents(settings: Settings) -> dict[str, Rows]:
    with psycopg.connect(settings.dsn) as connection:
        found = {
            table: connection.execute(sql.SQL(text)).fetchall()
            for table, text in TABLES.items()
        }
    found["events"] = [(*row[:5], tuple(row[5]), row[6]) for row in found["events"]]
    return {table: in_order(rows) for table, rows in found.items()}


def assert_tells(settings: Settings, files: Files) -> None:
    """Every table is what the recount of the files says, and nothing is unaccounted."""
    found, expected = contents(settings), recount(files)
    for table, rows in expected.items():
        assert found[table] == rows, table
    assert verify(settings).problems == ()
