"""What the tables do hold, by natural keys, held against the recount."""

import psycopg
from psycopg import sql

from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from tests.integration.transform.recount import recount
from tests.integration.transform.visitors import RETENTION, SESSIONS, Rows, in_order
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
    "deleted_events": f"""
        select {FILE.format("loads")}, line_number, tenant_id
        from analytics.deleted_events inner join raw.loads using (load_id)
    """,
    "dim_browsers": "select browser from analytics.dim_browsers",
    "dim_countries": "select country from analytics.dim_countries",
    "dim_devices": "select tenant_id, device_id from analytics.dim_devices",
    "dim_entities": "select tenant_id, entity_id from analytics.dim_entities",
    "dim_event_types": "select event_type from analytics.dim_event_types",
    "dim_users": "select tenant_id, user_id from analytics.dim_users",
    "dim_tenant_values": """
        select tenant_id, field, value, coalesce(event_type, country, browser)
        from analytics.dim_tenant_values
        left join analytics.dim_event_types
            on field = 'event_type' and value_key = event_type_key
        left join analytics.dim_countries
            on field = 'country' and value_key = country_key
        left join analytics.dim_browsers
            on field = 'browser' and value_key = browser_key
    """,
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
            rejected_line_count, raw_row_count, event_count, reference_row_count,
            rejected_event_count, duplicate_event_count
        from marts.accounting
    """,
    "int_touched_hours": f"""
        select {FILE.format("loads")}, tenant_id, event_hour at time zone 'UTC'
        from analytics.int_touched_hours
        inner join ledger.applies using (apply_id)
        inner join raw.loads using (load_id)
    """,
    "reference_history": f"""
        select {FILE.format("loads")}, line_number, tenant_id, entity_id,
            version::bigint, attributes
        from analytics.reference_history inner join raw.loads using (load_id)
    """,
    "reference_latest": """
        select tenant_id, entity_id, version::bigint, attributes
        from analytics.reference_latest
    """,
    "fct_keys": """
        select tenant_id, key, event_type, event_count from analytics.fct_keys
    """,
    "fct_key_values": """
        select tenant_id, key, event_type, value, event_count
        from analytics.fct_key_values
    """,
    "fct_sessions": SESSIONS,
    "fct_visitor_activity_daily": f"""
        select {FILE.format("loads")}, activity.tenant_id, user_id, device_id,
            event_date, known_first_date, is_known_week
        from analytics.fct_visitor_activity_daily as activity
        inner join ledger.applies using (apply_id)
        inner join raw.loads using (load_id)
        left join analytics.dim_users on visitor_key = user_key
        left join analytics.dim_devices on -visitor_key = device_key
    """,
    "fct_retention_daily": RETENTION["day"],
    "fct_retention_weekly": RETENTION["week"],
    "fct_user_sequences_daily": """
        select unpacked.tenant_id, user_id, event_date, moment,
            event_time at time zone 'UTC',
            array_agg(event_type order by event_type collate "C" nulls first)
        from (
            select sequences.*, packed.*,
                case when code < 0 then -1 - code else code end as event_type_key,
                count(*) filter (where code >= 0) over (
                    partition by user_key, event_date order by place
                ) as moment
            from analytics.fct_user_sequences_daily as sequences
            cross join
                unnest(event_times, event_type_keys)
                with ordinality as packed (event_time, code, place)
        ) as unpacked
        left join analytics.dim_users using (user_key)
        left join analytics.dim_event_types using (event_type_key)
        group by 1, 2, 3, 4, 5
    """,
    "funnels": """
        select funnel, tenant_id, first_date, breakdown, step_number, step, user_count,
            match_count, conversion_from_start, conversion_from_previous,
            round(median_seconds::numeric, 3)::float,
            round(p90_seconds::numeric, 3)::float,
            round(median_seconds_from_previous::numeric, 3)::float
        from marts.funnels
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
"""By the models' names, and `accounting`, a view."""
NOT_COMPARED = {
    # marts.accounting adds it up.
    "int_accounting",
}
"""Incremental models that have no rows of their own here, and why."""


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
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        assert found[table] == rows, table
    assert verify(settings).problems == ()
