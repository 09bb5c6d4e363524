{{ config(materialized='view') }}
{# Grain: one row per file that was loaded or failed; nothing is left out. #}
select
    stg_loads.load_id,
    stg_feeds.feed,
    stg_loads.uri,
    case
        when stg_loads.status <> 'loaded' then stg_loads.status
        when int_accounting.load_id is null then 'pending'
        when
            stg_loads.record_count
            = int_accounting.raw_row_count + int_accounting.rejected_line_count
            and int_accounting.raw_row_count
            = int_accounting.event_count
            + int_accounting.reference_row_count
            + int_accounting.rejected_event_count
            + int_accounting.duplicate_event_count
            then 'balanced'
        else 'unbalanced'
    end as status,
    stg_loads.record_count,
    int_accounting.rejected_line_count,
    int_accounting.raw_row_count,
    int_accounting.event_count,
    int_accounting.reference_row_count,
    int_accounting.rejected_event_count,
    int_accounting.duplicate_event_count,
    stg_loads.error,
    stg_loads.received_at
from {{ ref('stg_loads') }} as stg_loads
inner join {{ ref('stg_feeds') }} as stg_feeds using (feed_id)
left join {{ ref('int_accounting') }} as int_accounting using (load_id)
