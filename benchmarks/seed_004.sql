-- What seed 004 runs, on one Postgres, with exact distinct counts instead of sketches.
-- It keeps no state of earlier rollups, and has one partition per day: both help it.

-- schema --
drop schema if exists seed cascade;
create schema seed;
create table seed.events (
    customer_id text,
    event_type text,
    event_id text,
    event_time timestamptz,
    user_id text,
    entity_id text,
    session_id text,
    device_id text,
    country text,
    browser text,
    platform text,
    environment text,
    service text,
    sample_rate integer
) partition by range (event_time);
create table seed.rollup_events_5min (
    customer_id text,
    event_type text,
    country text,
    browser text,
    bucket timestamptz,
    event_count bigint,
    device_count bigint,
    session_count bigint,
    top_devices jsonb
);
create table seed.rollup_events_1hr (like seed.rollup_events_5min);
create unique index on seed.rollup_events_5min (
    customer_id, event_type, country, browser, bucket
);
create unique index on seed.rollup_events_1hr (
    customer_id, event_type, country, browser, bucket
);

-- partition --
create table {partition} partition of seed.events for values from ({start}) to ({end});

-- copy --
copy seed.events from stdin with (format csv, header);

-- rollup --
-- Distinct values are counted again per period, as distinct counts can't be added.
insert into {rollup}
select
    events.customer_id,
    events.event_type,
    events.country,
    events.browser,
    date_bin({width}, events.event_time, '2000-01-01Z') as bucket,
    count(*) as event_count,
    count(distinct events.device_id) as device_count,
    count(distinct events.session_id) as session_count
from seed.events
group by 1, 2, 3, 4, 5
on conflict (customer_id, event_type, country, browser, bucket) do update set
    event_count = excluded.event_count,
    device_count = excluded.device_count,
    session_count = excluded.session_count;

-- rollup_with_top --
-- The devices of each group first: they yield both the counts and the list of the top.
insert into {rollup}
with

devices as (
    select
        events.customer_id,
        events.event_type,
        events.country,
        events.browser,
        date_bin({width}, events.event_time, '2000-01-01Z') as bucket,
        events.device_id,
        count(*) as event_count
    from seed.events
    group by 1, 2, 3, 4, 5, 6
),

ranked as (
    select
        devices.*,
        row_number() over (
            partition by customer_id, event_type, country, browser, bucket
            order by event_count desc, device_id asc
        ) as place
    from devices
),

top_lists as (
    select
        customer_id, event_type, country, browser, bucket,
        sum(event_count)::bigint as event_count,
        count(device_id) as device_count,
        jsonb_object_agg(device_id, event_count)
            filter (where place <= 1000 and device_id is not null) as top_devices
    from ranked
    group by 1, 2, 3, 4, 5
),

sessions as (
    select
        events.customer_id,
        events.event_type,
        events.country,
        events.browser,
        date_bin({width}, events.event_time, '2000-01-01Z') as bucket,
        count(distinct events.session_id) as session_count
    from seed.events
    group by 1, 2, 3, 4, 5
)

select
    customer_id, event_type, country, browser, bucket,
    event_count, device_count, session_count, top_devices
from top_lists
inner join sessions using (customer_id, event_type, country, browser, bucket)
on conflict (customer_id, event_type, country, browser, bucket) do update set
    event_count = excluded.event_count,
    device_count = excluded.device_count,
    session_count = excluded.session_count,
    top_devices = excluded.top_devices;

-- differences --
-- Rows compared, and rows that differ. Our distinct counts are exact below 1,024; above
-- it their standard error is 3.1 %, and differences of up to five of these pass.
with

ours as (
    select
        rollup.tenant_id as customer_id,
        coalesce(dim_event_types.event_type, '') as event_type,
        coalesce(dim_countries.country, '') as country,
        coalesce(dim_browsers.browser, '') as browser,
        rollup.{bucket} as bucket,
        rollup.event_count,
        sketch.distinct_count(rollup.device_sketch) as device_count,
        sketch.distinct_count(rollup.session_sketch) as session_count
    from {ours} as rollup
    left join analytics.dim_event_types using (event_type_key)
    left join analytics.dim_countries using (country_key)
    left join analytics.dim_browsers using (browser_key)
)

select
    count(*) as compared,
    count(*) filter (
        where ours.event_count is distinct from theirs.event_count
        or abs(ours.device_count - theirs.device_count)
        > case when theirs.device_count < 1024 then 0 else theirs.device_count * 0.155 end
        or abs(ours.session_count - theirs.session_count)
        > case when theirs.session_count < 1024 then 0 else theirs.session_count * 0.155 end
    ) as differing
from ours
full join {rollup} as theirs
    using (customer_id, event_type, country, browser, bucket);
