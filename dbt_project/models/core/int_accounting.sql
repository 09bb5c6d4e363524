{{ config(
    upstreams=[
        'events', 'reference_history', 'rejected_events', 'duplicate_events',
        'deleted_events',
    ],
) }}
{#
Grain: one row per apply. Every term is counted in its own table, and removed rows in
the ledger. A recast has no raw rows of its own; its rejected records are all that its
load has rejected, including those removed before.
#}
with

pending_applies as (
    select * from {{ ref('stg_applies') }} as stg_applies
    where {{ is_pending('stg_applies') }}
),

removed_rows as (
    select * from {{ ref('stg_removed_rows') }}
),

raw_rows as (
    select counted.load_id, sum(counted.row_count)::bigint as raw_row_count
    from (
        select stg_events.load_id, count(*) as row_count
        from {{ ref('stg_events') }} as stg_events
        where ledger.is_pending_load(stg_events.load_id, stg_events.received_at)
        group by 1
        union all
        select removed_rows.load_id, removed_rows.row_count
        from removed_rows
        inner join pending_applies using (load_id)
        where
            removed_rows.table_name = 'raw.events_raw'
            and pending_applies.kind <> 'recast'
    ) as counted
    group by 1
),

rejected_lines as (
    select counted.load_id, sum(counted.row_count)::bigint as rejected_line_count
    from (
        select stg_rejected_lines.load_id, count(*) as row_count
        from {{ ref('stg_rejected_lines') }} as stg_rejected_lines
        where
            stg_rejected_lines.load_id in (
                select pending_applies.load_id
                from pending_applies
            )
        group by 1
        union all
        select removed_rows.load_id, removed_rows.row_count
        from removed_rows
        where removed_rows.table_name = 'raw.rejected_lines'
    ) as counted
    inner join pending_applies using (load_id)
    where pending_applies.kind <> 'recast'
    group by 1
),

events as (
    select events.apply_id, count(*) as event_count
    from {{ ref('events') }} as events
    where {{ is_pending('events', event_time=true) }}
    group by 1
),

reference_rows as (
    select reference_history.apply_id, count(*) as reference_row_count
    from {{ ref('reference_history') }} as reference_history
    where {{ is_pending('reference_history') }}
    group by 1
),

rejected_events as (
    select rejected_events.apply_id, count(*) as rejected_event_count
    from {{ ref('rejected_events') }} as rejected_events
    where {{ is_pending('rejected_events') }}
    group by 1
),

duplicate_events as (
    select duplicate_events.apply_id, count(*) as duplicate_event_count
    from {{ ref('duplicate_events') }} as duplicate_events
    where {{ is_pending('duplicate_events') }}
    group by 1
),

deleted_events as (
    select deleted_events.apply_id, count(*) as deleted_event_count
    from {{ ref('deleted_events') }} as deleted_events
    where {{ is_pending('deleted_events') }}
    group by 1
),

removed as (
    select
        removed_rows.apply_id,
        {{ removed_rows_of('events') }},
        {{ removed_rows_of('duplicate_events') }},
        {{ removed_rows_of('deleted_events') }}
    from removed_rows
    inner join pending_applies using (apply_id)
    group by 1
),

removed_rejects as (
    select
        pending_applies.apply_id,
        {{ removed_rows_of('rejected_events') }}
    from pending_applies
    inner join removed_rows
        on
            pending_applies.load_id = removed_rows.load_id
            and (
                pending_applies.apply_id = removed_rows.apply_id
                or pending_applies.kind = 'recast'
                and pending_applies.apply_id > removed_rows.apply_id
            )
    group by 1
)

select
    pending_applies.apply_id,
    pending_applies.load_id,
    coalesce(raw_rows.raw_row_count, 0) as raw_row_count,
    coalesce(rejected_lines.rejected_line_count, 0) as rejected_line_count,
    coalesce(events.event_count, 0)
    + coalesce(removed.events, 0) as event_count,
    coalesce(reference_rows.reference_row_count, 0) as reference_row_count,
    coalesce(rejected_events.rejected_event_count, 0)
    + coalesce(removed_rejects.rejected_events, 0) as rejected_event_count,
    coalesce(duplicate_events.duplicate_event_count, 0)
    + coalesce(removed.duplicate_events, 0) as duplicate_event_count,
    coalesce(deleted_events.deleted_event_count, 0)
    + coalesce(removed.deleted_events, 0) as deleted_event_count
from pending_applies
left join raw_rows
    on
        pending_applies.load_id = raw_rows.load_id
        and pending_applies.kind <> 'recast'
left join rejected_lines
    on
        pending_applies.load_id = rejected_lines.load_id
        and pending_applies.kind <> 'recast'
left join events on pending_applies.apply_id = events.apply_id
left join reference_rows on pending_applies.apply_id = reference_rows.apply_id
left join rejected_events on pending_applies.apply_id = rejected_events.apply_id
left join duplicate_events on pending_applies.apply_id = duplicate_events.apply_id
left join deleted_events on pending_applies.apply_id = deleted_events.apply_id
left join removed on pending_applies.apply_id = removed.apply_id
left join removed_rejects on pending_applies.apply_id = removed_rejects.apply_id
