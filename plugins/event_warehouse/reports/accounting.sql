-- Proves that nothing is lost: each term is counted in its own table.

-- is_transformed --
select num_nulls(
    to_regclass('marts.accounting'),
    to_regclass('analytics.deleted_events'),
    to_regclass('analytics.fct_user_sequences_daily')
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

-- Each term of each load: the rows that exist and those that are gone.
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
-- What each fact and rollup sums to, and the events of the applies that it has; both
-- include removed rows, which were counted as they were removed. A model that is ahead
-- of events, as a run was interrupted between the two, counts as pending. A model whose
-- expired events an older version did not count is left out.
with

sums as (
    select * from jsonb_to_recordset(%(sums)s)
        as sums (table_name text, counted text, event_count bigint)
),

layers as (
    select
        sums.counted,
        sums.event_count + coalesce(sum(removed_rows.event_count), 0)::bigint
            as event_count,
        models.model,
        models.applies,
        models.lacks_removal_id,
        -- An older version did not count what it deleted with users.
        array_agg(removed_rows.deletion_id) filter (
            where removed_rows.how = 'removed' and removed_rows.event_count is null
        ) as uncounted_deletions
    from sums
    inner join ledger.models on models.model = split_part(sums.table_name, '.', 2)
    left join ledger.removed_rows
        on
            sums.table_name = removed_rows.table_name
            and models.lacks_removal_id < removed_rows.removal_id
    group by sums.table_name, sums.counted, sums.event_count, models.model
),

events as (
    select
        apply_id,
        null::bigint as removal_id,
        null::bigint as deletion_id,
        count(*) as row_count,
        count(coalesce(user_id, device_id)) as visitor_event_count,
        count(user_id) as user_event_count
    from analytics.events
    group by 1
    union all
    select
        apply_id,
        removal_id,
        deletion_id,
        row_count,
        visitor_event_count,
        user_event_count
    from ledger.removed_rows
    where table_name = 'analytics.events' and expiry_id is not null
    union all
    -- All of them had the user; other models rebuilt the days that they were in.
    select
        apply_id,
        removal_id,
        deletion_id,
        0 as row_count,
        row_count as visitor_event_count,
        row_count as user_event_count
    from ledger.removed_rows
    where table_name = 'analytics.events' and deletion_id is not null
),

taken_in as (
    select
        layers.model,
        case layers.counted
            when 'visitor_event_count' then events.visitor_event_count
            when 'user_event_count' then events.user_event_count
            else events.row_count
        end as event_count
    from layers
    inner join events
        on
            layers.applies @> events.apply_id
            and coalesce(layers.lacks_removal_id < events.removal_id, true)
            and not coalesce(
                events.deletion_id = any(layers.uncounted_deletions), false
            )
)

select
    layers.model,
    layers.event_count,
    coalesce(sum(taken_in.event_count), 0)::bigint as expected,
    not layers.applies <@ ledger.applied('events') as is_pending
from layers
left join taken_in using (model)
group by 1, 2, 4
having count(*) filter (where taken_in.model is not null) = count(taken_in.event_count)
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
