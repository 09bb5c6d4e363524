{{ config(materialized='view') }}
{#
Grain: one row per file, kind of record, column and reason, for what is rejected now;
lines that were replayed and events that were recast since no longer count.
#}
with

rejected_lines as (
    select
        counted.*,
        first_lines.line_start as example
    from (
        select
            stg_rejected_lines.load_id,
            'line' as kind,
            null::text as rejected_column,
            stg_rejected_lines.reason,
            count(*) as record_count,
            min(stg_rejected_lines.line_number) as first_line_number
        from {{ ref('stg_rejected_lines') }} as stg_rejected_lines
        where stg_rejected_lines.replayed_by is null
        group by 1, 3, 4
    ) as counted
    inner join {{ ref('stg_rejected_lines') }} as first_lines
        on
            counted.load_id = first_lines.load_id
            and counted.first_line_number = first_lines.line_number
),

rejected_events as (
    select
        counted.*,
        left(first_events.rejected_value, 200) as example
    from (
        select
            rejected_events.load_id,
            'event' as kind,
            rejected_events.rejected_column,
            rejected_events.rejected_reason as reason,
            count(*) as record_count,
            min(rejected_events.line_number) as first_line_number
        from {{ ref('rejected_events') }} as rejected_events
        group by 1, 3, 4
    ) as counted
    inner join {{ ref('rejected_events') }} as first_events
        on
            counted.load_id = first_events.load_id
            and counted.first_line_number = first_events.line_number
),

rejected as (
    select * from rejected_lines
    union all
    select * from rejected_events
)

select
    rejected.load_id,
    stg_feeds.feed,
    stg_loads.uri,
    rejected.kind,
    rejected.rejected_column,
    rejected.reason,
    rejected.record_count,
    rejected.first_line_number,
    rejected.example,
    stg_loads.received_at
from rejected
inner join {{ ref('stg_loads') }} as stg_loads using (load_id)
inner join {{ ref('stg_feeds') }} as stg_feeds using (feed_id)
