{{ config(materialized='view') }}
{#
Grain: one row per file, kind of record and reason, of what is rejected now; replayed
lines and events that were cast since are gone from it.
#}
with

numbered_lines as (
    select
        stg_rejected_lines.load_id,
        'line' as kind,
        null::text as rejected_column,
        stg_rejected_lines.reason,
        stg_rejected_lines.line_number,
        stg_rejected_lines.line_start as example,
        row_number() over (
            partition by stg_rejected_lines.load_id, stg_rejected_lines.reason
            order by stg_rejected_lines.line_number
        ) as place
    from {{ ref('stg_rejected_lines') }} as stg_rejected_lines
    where stg_rejected_lines.replayed_by is null
),

numbered_events as (
    select
        rejected_events.load_id,
        'event' as kind,
        rejected_events.rejected_column,
        rejected_events.rejected_reason as reason,
        rejected_events.line_number,
        left(rejected_events.rejected_value, 200) as example,
        row_number() over (
            partition by
                rejected_events.load_id,
                rejected_events.rejected_column,
                rejected_events.rejected_reason
            order by rejected_events.line_number
        ) as place
    from {{ ref('rejected_events') }} as rejected_events
),

numbered as (
    select * from numbered_lines
    union all
    select * from numbered_events
),

-- One example each: an array of all would be as large as all that is rejected.
rejected as (
    select
        numbered.load_id,
        numbered.kind,
        numbered.rejected_column,
        numbered.reason,
        count(*) as record_count,
        min(numbered.line_number) as first_line_number,
        max(numbered.example) filter (where numbered.place = 1) as example
    from numbered
    group by 1, 2, 3, 4
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
