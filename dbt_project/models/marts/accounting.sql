{{ config(materialized='view') }}
{# Grain: one row per file that was loaded or failed, without exception. #}
with

applied as (
    select
        int_accounting.load_id,
        sum(int_accounting.rejected_line_count)::bigint as rejected_line_count,
        sum(int_accounting.raw_row_count)::bigint as raw_row_count,
        sum(int_accounting.event_count)::bigint as event_count,
        sum(int_accounting.reference_row_count)::bigint as reference_row_count,
        -- From the newest apply: a recast processes all that was rejected before it.
        (array_agg(
            int_accounting.rejected_event_count
            order by int_accounting.apply_id desc
        ))[1] as rejected_event_count,
        sum(int_accounting.duplicate_event_count)::bigint as duplicate_event_count,
        sum(int_accounting.deleted_event_count)::bigint as deleted_event_count
    from {{ ref('int_accounting') }} as int_accounting
    group by 1
),

replayed as (
    -- Each replayed line is a record of the load that replayed it.
    select
        replays.replays_load_id as load_id,
        sum(replays.record_count)::bigint as line_count
    from {{ ref('stg_loads') }} as replays
    where replays.replays_load_id is not null
    group by 1
),

removed as (
    select
        rows_gone.load_id,
        sum(rows_gone.row_count) filter (where rows_gone.is_expired)::bigint
            as expired_row_count,
        sum(rows_gone.row_count) filter (where not rows_gone.is_expired)::bigint
            as deleted_row_count
    from {{ ref('stg_removed_rows') }} as rows_gone
    where rows_gone.table_name = 'raw.events_raw'
    group by 1
)

select
    stg_loads.load_id,
    stg_feeds.feed,
    stg_loads.uri,
    case
        when stg_loads.status <> 'loaded' then stg_loads.status
        when applied.load_id is null then 'pending'
        when
            stg_loads.record_count
            = applied.raw_row_count + applied.rejected_line_count
            and applied.raw_row_count
            = applied.event_count
            + applied.reference_row_count
            + applied.rejected_event_count
            + applied.duplicate_event_count
            + applied.deleted_event_count
            then 'balanced'
        else 'unbalanced'
    end as status,
    stg_loads.record_count,
    applied.rejected_line_count - coalesce(replayed.line_count, 0)
        as rejected_line_count,
    applied.raw_row_count,
    applied.event_count,
    applied.reference_row_count,
    applied.rejected_event_count,
    applied.duplicate_event_count,
    stg_loads.error,
    stg_loads.received_at,
    applied.deleted_event_count,
    removed.expired_row_count,
    removed.deleted_row_count,
    coalesce(replayed.line_count, 0) as replayed_line_count
from {{ ref('stg_loads') }} as stg_loads
inner join {{ ref('stg_feeds') }} as stg_feeds using (feed_id)
left join applied using (load_id)
left join replayed using (load_id)
left join removed using (load_id)
