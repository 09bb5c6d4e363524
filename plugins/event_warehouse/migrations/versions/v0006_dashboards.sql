-- All end at `as_of`, and begin with a whole bucket. Each is one select, which the
-- planner puts in the place of the call.
--
-- The marts are made by the first transform, after this.
set local check_function_bodies to off;

create function sketch.error_of(hashes integer[]) returns double precision
language sql immutable parallel safe
as $$
select case
    when coalesce(cardinality(hashes), 0) < 1024 then 0
    else 1 / sqrt(1022)
end::double precision
$$;
comment on function sketch.error_of is
'Relative standard error of the distinct count: 0 where it is exact, else 3.1 %.';

create function marts.activity_of_last_minutes(
    tenant text,
    minutes integer default 5,
    as_of timestamptz default now()
) returns table (
    event_count bigint,
    weighted_count bigint,
    device_count bigint,
    device_count_error double precision
)
language sql stable parallel safe
as $$
select
    coalesce(sum(buckets.event_count), 0)::bigint,
    coalesce(sum(buckets.weighted_count), 0)::bigint,
    sketch.distinct_count(sketch.merge(buckets.device_sketch)),
    sketch.error_of(sketch.merge(buckets.device_sketch))
from marts.tenant_events_5min as buckets
where
    buckets.tenant_id = tenant
    and buckets.event_5min >= date_bin(
        '5 minutes', as_of - make_interval(mins => minutes), '2000-01-01Z'
    )
    and buckets.event_5min < as_of
$$;
comment on function marts.activity_of_last_minutes is
'Events and distinct devices of a tenant''s last minutes, in whole five minutes.';

create function marts.sessions_of_last_days(
    tenant text,
    days integer default 7,
    as_of timestamptz default now()
) returns table (
    event_count bigint,
    weighted_count bigint,
    session_count bigint,
    session_count_error double precision
)
language sql stable parallel safe
as $$
with parts as (
    select
        whole_days.event_count,
        whole_days.weighted_count,
        whole_days.session_sketch
    from marts.tenant_events_daily as whole_days
    where
        whole_days.tenant_id = tenant
        and whole_days.event_date >= (as_of at time zone 'UTC')::date - days
        and whole_days.event_date < (as_of at time zone 'UTC')::date
    union all
    select
        hours.event_count,
        hours.weighted_count,
        hours.session_sketch
    from marts.tenant_events_hourly as hours
    where
        hours.tenant_id = tenant
        and hours.event_hour >= date_trunc('day', as_of, 'UTC')
        and hours.event_hour < as_of
)

select
    coalesce(sum(parts.event_count), 0)::bigint,
    coalesce(sum(parts.weighted_count), 0)::bigint,
    sketch.distinct_count(sketch.merge(parts.session_sketch)),
    sketch.error_of(sketch.merge(parts.session_sketch))
from parts
$$;
comment on function marts.sessions_of_last_days is
'Events and distinct sessions of so many whole days (UTC) and of the day so far.';

create function marts.hourly_trend(
    tenant text,
    days integer default 2,
    as_of timestamptz default now()
) returns table (
    event_hour timestamptz,
    event_count bigint,
    weighted_count bigint,
    device_count bigint,
    session_count bigint
)
language sql stable parallel safe
as $$
select
    trend.event_hour,
    coalesce(hours.event_count, 0),
    coalesce(hours.weighted_count, 0),
    coalesce(hours.device_count, 0),
    coalesce(hours.session_count, 0)
from generate_series(
    date_trunc('day', as_of, 'UTC') - make_interval(hours => 24 * days),
    as_of - interval '1 microsecond',
    interval '1 hour'
) as trend (event_hour)
left join marts.tenant_events_hourly as hours
    on
        hours.tenant_id = tenant
        and trend.event_hour = hours.event_hour
        -- Of the range as a whole, for an index scan of it.
        and hours.event_hour
        >= date_trunc('day', as_of, 'UTC') - make_interval(hours => 24 * days)
        and hours.event_hour < as_of
order by 1
$$;
comment on function marts.hourly_trend is
'Each hour (UTC) of so many whole days and of the day so far, ascending; 0 if empty.';

create function marts.top_devices(
    tenant text,
    minutes integer default 30,
    device_limit integer default 10,
    as_of timestamptz default now()
) returns table (device_id text, event_count bigint)
language sql stable parallel safe
as $$
select
    events.device_id,
    count(*)
from marts.event_details as events
where
    events.tenant_id = tenant
    and events.event_time >= as_of - make_interval(mins => minutes)
    and events.event_time < as_of
    and events.device_id is not null
group by 1
order by 2 desc, 1 asc
limit device_limit
$$;
comment on function marts.top_devices is
'The devices with most events of the last minutes, to the microsecond; ties by id.';

grant execute on all functions in schema marts to warehouse_reader;
