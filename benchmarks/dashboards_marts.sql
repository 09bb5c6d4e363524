-- The same questions to the marts or, where there is none, to the events.

-- owner_months --
select event_month, event_count, entity_count
from marts.entity_activity_by_owner_monthly
where tenant_id = %(tenant)s and owner = %(owner)s;

-- country_months --
select event_month, country, event_count, entity_count
from marts.entity_activity_by_country_monthly
where tenant_id = %(tenant)s;

-- customer_hours --
select event_hour at time zone 'UTC', event_count
from marts.tenant_events_hourly
where
    tenant_id = %(tenant)s
    and event_hour >= %(as_of)s::timestamptz - interval '90 days'
    and event_hour < %(as_of)s::timestamptz;

-- last_minutes --
select
    coalesce(sum(event_count), 0)::bigint,
    sketch.distinct_count(sketch.merge(device_sketch))
from marts.tenant_events_5min
where
    tenant_id = %(tenant)s
    and event_5min >= %(as_of)s::timestamptz - interval '5 minutes'
    and event_5min < %(as_of)s::timestamptz;

-- sessions_of_week --
-- Whole days, and the hours of the incomplete day.
select
    coalesce(sum(event_count), 0)::bigint,
    sketch.distinct_count(sketch.merge(session_sketch))
from (
    select event_count, session_sketch
    from marts.tenant_events_daily
    where
        tenant_id = %(tenant)s
        and event_date >= (%(as_of)s::timestamptz at time zone 'UTC')::date - 7
        and event_date < (%(as_of)s::timestamptz at time zone 'UTC')::date
    union all
    select event_count, session_sketch
    from marts.tenant_events_hourly
    where
        tenant_id = %(tenant)s
        and event_hour >= date_trunc('day', %(as_of)s::timestamptz, 'UTC')
        and event_hour < %(as_of)s::timestamptz
) as days_and_hours;

-- trend_of_two_days --
select event_hour at time zone 'UTC', event_count, device_count, session_count
from marts.tenant_events_hourly
where
    tenant_id = %(tenant)s
    and event_hour >= date_trunc('day', %(as_of)s::timestamptz, 'UTC') - interval '2 days'
    and event_hour < %(as_of)s::timestamptz;

-- top_devices --
select device_id, count(*) as event_count
from analytics.events
where
    tenant_id = %(tenant)s
    and event_time >= %(as_of)s::timestamptz - interval '30 minutes'
    and event_time < %(as_of)s::timestamptz
    and device_id is not null
group by 1
order by event_count desc, device_id asc
limit 10;

-- types_by_day --
select
    (event_hour at time zone 'UTC')::date as event_date,
    event_type,
    sum(event_count)::bigint as event_count
from marts.event_types_hourly
where tenant_id = %(tenant)s
group by 1, 2;
