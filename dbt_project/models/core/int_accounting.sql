{{ config(
    upstreams=['events', 'reference_history', 'rejected_events', 'duplicate_events'],
    incremental_strategy='replace',
    unique_key=['load_id'],
) }}
{# Grain: one row per applied load. Every term is counted in its own table. #}
with

pending_loads as (
    select distinct stg_applies.load_id
    from {{ ref('stg_applies') }} as stg_applies
    where {{ is_pending('stg_applies') }}
),

raw_rows as (
    select stg_events.load_id, count(*) as raw_row_count
    from {{ ref('stg_events') }} as stg_events
    where ledger.is_pending_load(stg_events.load_id, stg_events.received_at)
    group by 1
),

rejected_lines as (
    select stg_rejected_lines.load_id, count(*) as rejected_line_count
    from {{ ref('stg_rejected_lines') }} as stg_rejected_lines
    inner join pending_loads using (load_id)
    group by 1
),

events as (
    select events.load_id, count(*) as event_count
    from {{ ref('events') }} as events
    where {{ is_pending('events', event_time=true) }}
    group by 1
),

reference_rows as (
    select reference_history.load_id, count(*) as reference_row_count
    from {{ ref('reference_history') }} as reference_history
    where {{ is_pending('reference_history') }}
    group by 1
),

rejected_events as (
    select rejected_events.load_id, count(*) as rejected_event_count
    from {{ ref('rejected_events') }} as rejected_events
    where {{ is_pending('rejected_events') }}
    group by 1
),

duplicate_events as (
    select duplicate_events.load_id, count(*) as duplicate_event_count
    from {{ ref('duplicate_events') }} as duplicate_events
    where {{ is_pending('duplicate_events') }}
    group by 1
)

select
    pending_loads.load_id,
    coalesce(raw_rows.raw_row_count, 0) as raw_row_count,
    coalesce(rejected_lines.rejected_line_count, 0) as rejected_line_count,
    coalesce(events.event_count, 0) as event_count,
    coalesce(reference_rows.reference_row_count, 0) as reference_row_count,
    coalesce(rejected_events.rejected_event_count, 0) as rejected_event_count,
    coalesce(duplicate_events.duplicate_event_count, 0) as duplicate_event_count
from pending_loads
left join raw_rows using (load_id)
left join rejected_lines using (load_id)
left join events using (load_id)
left join reference_rows using (load_id)
left join rejected_events using (load_id)
left join duplicate_events using (load_id)
