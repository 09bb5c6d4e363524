{{ config(
    upstreams=['rollup_events_5min', 'int_new_buckets'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_5min'],
    rebuilt_by='event_5min',
) }}
{# Grain: one row per tenant and five minutes (UTC) with events. #}
with

touched as (
    select distinct
        int_new_buckets.tenant_id,
        int_new_buckets.event_5min
    from {{ ref('int_new_buckets') }} as int_new_buckets
    where {{ is_pending('int_new_buckets') }}
)

select
    rollup_events_5min.tenant_id,
    rollup_events_5min.event_5min,
    {{ tenant_counts('rollup_events_5min') }}
from touched
inner join {{ ref('rollup_events_5min') }} as rollup_events_5min
    using (tenant_id, event_5min)
group by 1, 2
