-- The warehouse's answers to the same questions as in sessions_duckdb.sql.

-- sessions --
select
    tenant_id,
    session_start::date::text as session_date,
    entry_event_type,
    exit_entity_id,
    count(*)::text as session_count,
    sum(event_count)::text as event_count,
    sum(weighted_count)::text as weighted_count,
    round(sum(duration_seconds * 1000))::bigint::text as milliseconds
from marts.sessions
group by 1, 2, 3, 4;

-- daily --
select
    tenant_id,
    cohort_date::text as cohort_date,
    event_date::text as event_date,
    visitor_count::text as visitor_count
from marts.retention_daily;

-- weekly --
select
    tenant_id,
    cohort_week::text as cohort_week,
    event_week::text as event_week,
    visitor_count::text as visitor_count
from marts.retention_weekly;
