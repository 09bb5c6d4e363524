-- What proves that nothing is lost: each term counted in its own table.

-- is_transformed --
select num_nulls(
    to_regclass('marts.accounting'), to_regclass('analytics.deleted_events')
) = 0;

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

removed as (
    select table_name, load_id, sum(row_count)::bigint as row_count
    from ledger.removed_rows
    where how = 'removed' and load_id is not null
    group by 1, 2
),

raw_rows as (
    select load_id, count(*) as row_count from raw.events_raw
    group by 1
    union all
    select load_id, row_count from removed
    where table_name = 'raw.events_raw'
),

lines as (
    select load_id, replayed_by, count(*) as row_count from raw.rejected_lines
    group by 1, 2
    union all
    select load_id, replayed_by, row_count from ledger.removed_rows
    where table_name = 'raw.rejected_lines'
),

events as (
    select load_id, count(*) as row_count from analytics.events
    group by 1
    union all
    select load_id, row_count from removed
    where table_name = 'analytics.events'
),

reference_rows as (
    select load_id, count(*) as row_count from analytics.reference_history
    group by 1
),

rejected_events as (
    select load_id, count(*) as row_count from analytics.rejected_events
    group by 1
    union all
    select load_id, row_count from removed
    where table_name = 'analytics.rejected_events'
),

duplicate_events as (
    select load_id, count(*) as row_count from analytics.duplicate_events
    group by 1
    union all
    select load_id, row_count from removed
    where table_name = 'analytics.duplicate_events'
),

deleted_events as (
    select load_id, count(*) as row_count from analytics.deleted_events
    group by 1
    union all
    select load_id, row_count from removed
    where table_name = 'analytics.deleted_events'
),

-- Each term of each load: what is there and what is gone since.
terms as (
    select 'raw rows' as term, * from raw_rows
    union all
    select
        case when replayed_by is null then 'rejected lines' else 'replayed lines' end
            as term,
        load_id,
        row_count
    from lines
    union all
    select
        'lines replayed here' as term,
        replayed_by as load_id,
        row_count
    from lines
    union all
    select 'events' as term, * from events
    union all
    select 'reference rows' as term, * from reference_rows
    union all
    select 'rejected events' as term, * from rejected_events
    union all
    select 'duplicates' as term, * from duplicate_events
    union all
    select 'deleted events' as term, * from deleted_events
),

counts as (
    select
        load_id,
        sum(row_count) filter (where term = 'raw rows') as raw_rows,
        sum(row_count) filter (where term = 'rejected lines') as rejected_lines,
        sum(row_count) filter (where term = 'replayed lines') as replayed_lines,
        sum(row_count) filter (where term = 'lines replayed here')
            as lines_replayed_here,
        sum(row_count) filter (where term = 'events') as events,
        sum(row_count) filter (where term = 'reference rows') as reference_rows,
        sum(row_count) filter (where term = 'rejected events') as rejected_events,
        sum(row_count) filter (where term = 'duplicates') as duplicates,
        sum(row_count) filter (where term = 'deleted events') as deleted_events
    from terms
    group by 1
)

select
    loads.load_id,
    feeds.feed,
    loads.uri,
    loads.status,
    loads.error,
    applied.load_id is null as is_pending,
    coalesce(loads.record_count, 0) as record_count,
    coalesce(counts.rejected_lines, 0)::bigint as rejected_lines,
    coalesce(counts.replayed_lines, 0)::bigint as replayed_lines,
    case
        when loads.replays_load_id is not null
            then coalesce(counts.lines_replayed_here, 0)::bigint
    end as lines_replayed_here,
    coalesce(counts.raw_rows, 0)::bigint as raw_rows,
    coalesce(counts.events, 0)::bigint as events,
    coalesce(counts.reference_rows, 0)::bigint as reference_rows,
    coalesce(counts.rejected_events, 0)::bigint as rejected_events,
    coalesce(counts.duplicates, 0)::bigint as duplicates,
    coalesce(counts.deleted_events, 0)::bigint as deleted_events
from raw.loads as loads
inner join raw.feeds as feeds using (feed_id)
left join applied using (load_id)
left join counts using (load_id)
order by 1;

-- rows_without_load --
select count(*)
from raw.events_raw
where not exists (
    select from raw.loads
    where loads.load_id = events_raw.load_id and loads.status = 'loaded'
);

-- layers --
-- Each fact and rollup against the events of the applies that it has taken in, and what
-- of them has expired since. One that is ahead of events, as a run was ended between
-- the two, counts as pending.
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
    select apply_id, null::bigint as expiry_id, count(*) as row_count
    from analytics.events
    group by 1
    union all
    select apply_id, expiry_id, row_count from ledger.removed_rows
    where table_name = 'analytics.events' and expiry_id is not null
)

select
    sums.model,
    sums.event_count,
    coalesce(
        sum(events.row_count) filter (
            where events.apply_id <@ ledger.applied(sums.model)
            and coalesce(events.expiry_id > models.lacks_expiry_id, true)
        ), 0
    )::bigint as expected,
    not ledger.applied(sums.model) <@ ledger.applied('events') as is_pending
from sums
left join ledger.models on sums.model = models.model
left join events on true
group by 1, 2
order by 1;

-- removed --
select
    removed_rows.table_name,
    coalesce(sum(row_count) filter (where expiry_id is not null), 0)::bigint as expired,
    coalesce(sum(row_count) filter (where deletion_id is not null), 0)::bigint
        as deleted
from ledger.removed_rows
where how = 'removed' and load_id is not null
group by 1
order by 1;

-- open_deletions --
select
    deletion_id,
    tenant_id
from ledger.deletions
where finished_at is null
order by 1;
