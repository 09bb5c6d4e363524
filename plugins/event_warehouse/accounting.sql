-- What proves that nothing is lost: each term counted in its own table.

-- is_transformed --
select to_regclass('marts.accounting') is not null;

-- loads --
-- Over the loads that every model has applied; others count as pending.
with

everywhere as (
    select coalesce(range_intersect_agg(models.applies), '{}') as applies
    from ledger.models as models
    where models.model <> 'ledger.applies'
),

applied as (
    select distinct applies.load_id
    from ledger.applies
    inner join everywhere on applies.apply_id <@ everywhere.applies
),

raw_rows as (
    select load_id, count(*) as row_count from raw.events_raw
    group by 1
),

rejected_lines as (
    select
        load_id,
        count(*) filter (where replayed_by is null) as row_count,
        count(replayed_by) as replayed_count
    from raw.rejected_lines
    group by 1
),

replays as (
    select replayed_by as load_id, count(*) as line_count
    from raw.rejected_lines
    where replayed_by is not null
    group by 1
),

events as (
    select load_id, count(*) as row_count from analytics.events
    group by 1
),

reference_rows as (
    select load_id, count(*) as row_count from analytics.reference_history
    group by 1
),

rejected_events as (
    select load_id, count(*) as row_count from analytics.rejected_events
    group by 1
),

duplicate_events as (
    select load_id, count(*) as row_count from analytics.duplicate_events
    group by 1
),

counted as (
    select
        loads.load_id,
        feeds.feed,
        loads.uri,
        loads.status,
        loads.error,
        applied.load_id is null as is_pending,
        coalesce(loads.record_count, 0) as record_count,
        coalesce(rejected_lines.row_count, 0) as rejected_lines,
        coalesce(rejected_lines.replayed_count, 0) as replayed_lines,
        case
            when loads.replays_load_id is not null
                then coalesce(replays.line_count, 0)
        end as lines_replayed_here,
        coalesce(raw_rows.row_count, 0) as raw_rows,
        coalesce(events.row_count, 0) as events,
        coalesce(reference_rows.row_count, 0) as reference_rows,
        coalesce(rejected_events.row_count, 0) as rejected_events,
        coalesce(duplicate_events.row_count, 0) as duplicates
    from raw.loads as loads
    inner join raw.feeds as feeds using (feed_id)
    left join applied using (load_id)
    left join raw_rows using (load_id)
    left join rejected_lines using (load_id)
    left join replays using (load_id)
    left join events using (load_id)
    left join reference_rows using (load_id)
    left join rejected_events using (load_id)
    left join duplicate_events using (load_id)
)

select
    counted.load_id,
    counted.feed,
    counted.uri,
    counted.status,
    counted.error,
    counted.is_pending,
    counted.record_count,
    counted.rejected_lines,
    counted.replayed_lines,
    counted.lines_replayed_here,
    counted.raw_rows,
    counted.events,
    counted.reference_rows,
    counted.rejected_events,
    counted.duplicates
from counted
order by 1;

-- rows_without_load --
select count(*)
from raw.events_raw
where not exists (
    select from raw.loads
    where loads.load_id = events_raw.load_id and loads.status = 'loaded'
);

-- layers --
-- Each fact and rollup against the events of the applies that it has taken in. One that
-- is ahead of events, because a run was ended between the two, counts as pending.
with

sums as (
    select
        'fct_entity_activity_daily' as model,
        coalesce(sum(event_count), 0)::bigint as event_count
    from analytics.fct_entity_activity_daily
    union all
    select
        'fct_entity_activity_monthly' as model,
        coalesce(sum(event_count), 0)::bigint as event_count
    from analytics.fct_entity_activity_monthly
    union all
    select
        'fct_device_activity_daily' as model,
        coalesce(sum(event_count), 0)::bigint as event_count
    from analytics.fct_device_activity_daily
    union all
    select
        'rollup_events_5min' as model,
        coalesce(sum(event_count), 0)::bigint as event_count
    from analytics.rollup_events_5min
    union all
    select
        'rollup_events_1hr' as model,
        coalesce(sum(event_count), 0)::bigint as event_count
    from analytics.rollup_events_1hr
    union all
    select
        'event_types_hourly' as model,
        coalesce(sum(event_count), 0)::bigint as event_count
    from marts.event_types_hourly
    union all
    select
        'tenant_events_5min' as model,
        coalesce(sum(event_count), 0)::bigint as event_count
    from marts.tenant_events_5min
    union all
    select
        'tenant_events_hourly' as model,
        coalesce(sum(event_count), 0)::bigint as event_count
    from marts.tenant_events_hourly
    union all
    select
        'tenant_events_daily' as model,
        coalesce(sum(event_count), 0)::bigint as event_count
    from marts.tenant_events_daily
),

events as (
    select apply_id, count(*) as row_count from analytics.events
    group by 1
)

select
    sums.model,
    sums.event_count,
    coalesce(
        sum(events.row_count) filter (
            where events.apply_id <@ ledger.applied(sums.model)
        ), 0
    )::bigint as expected,
    not ledger.applied(sums.model) <@ ledger.applied('events') as is_pending
from sums
left join events on true
group by 1, 2
order by 1;
