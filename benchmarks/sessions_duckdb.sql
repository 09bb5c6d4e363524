-- DuckDB's side: the same sessions and retention, rebuilt from all events.

-- load --
create table events as
select
    customer_id as tenant_id,
    event_type,
    entity_id,
    coalesce('u ' || user_id, 'd ' || device_id) as visitor,
    "timestamp"::timestamp as event_time,
    sample_rate::int as sample_rate
from read_csv(?, header = true, all_varchar = true)
where coalesce(user_id, device_id) is not null;

-- make_sessions --
create or replace table sessions as
with begun as (
    select
        *,
        coalesce(
            event_time > lag(event_time) over visitors + interval '30 minutes', true
        ) as is_first
    from events
    window visitors as (partition by tenant_id, visitor order by event_time)
),

numbered as (
    select
        *,
        count(*) filter (where is_first) over (
            partition by tenant_id, visitor
            order by event_time rows unbounded preceding
        ) as session_number
    from begun
)

select
    tenant_id,
    visitor,
    min(event_time) as session_start,
    max(event_time) as session_end,
    count(*) as event_count,
    sum(sample_rate) as weighted_count,
    min({'at': event_time, 'type': event_type, 'entity': entity_id}) as entry,
    max({'at': event_time, 'type': event_type, 'entity': entity_id}) as exit
from numbered
group by tenant_id, visitor, session_number;

-- make_daily --
create or replace table retention_daily as
with days as (
    select distinct
        tenant_id,
        visitor,
        event_time::date as event_date
    from events
),

cohorts as (
    select
        *,
        min(event_date) over (partition by tenant_id, visitor) as cohort_date
    from days
)

select
    tenant_id,
    cohort_date,
    event_date,
    count(*) as visitor_count
from cohorts
group by tenant_id, cohort_date, event_date;

-- make_weekly --
create or replace table retention_weekly as
with weeks as (
    select distinct
        tenant_id,
        visitor,
        date_trunc('week', event_time)::date as event_week
    from events
),

cohorts as (
    select
        *,
        min(event_week) over (partition by tenant_id, visitor) as cohort_week
    from weeks
)

select
    tenant_id,
    cohort_week,
    event_week,
    count(*) as visitor_count
from cohorts
group by tenant_id, cohort_week, event_week;

-- sessions --
select
    tenant_id,
    session_start::date::text as session_date,
    entry.type as entry_event_type,
    exit.entity as exit_entity_id,
    count(*)::text as session_count,
    sum(event_count)::text as event_count,
    sum(weighted_count)::text as weighted_count,
    sum(epoch_ms(session_end) - epoch_ms(session_start))::text as milliseconds
from sessions
group by all;

-- daily --
select
    tenant_id,
    cohort_date::text as cohort_date,
    event_date::text as event_date,
    visitor_count::text as visitor_count
from retention_daily;

-- weekly --
select
    tenant_id,
    cohort_week::text as cohort_week,
    event_week::text as event_week,
    visitor_count::text as visitor_count
from retention_weekly;
