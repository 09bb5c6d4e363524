{{ config(
    upstreams=['rollup_events_1hr'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_hour'],
) }}
{# Grain: one row per tenant and hour (UTC) with events. #}
with

touched as (
    select distinct
        events.tenant_id,
        date_trunc('hour', events.event_time, 'UTC') as event_hour
    from {{ ref('events') }} as events
    where {{ is_pending('events', event_time=true) }}
)

select
    rollup_events_1hr.tenant_id,
    rollup_events_1hr.event_hour,
    sum(rollup_events_1hr.event_count)::bigint as event_count,
    sum(rollup_events_1hr.weighted_count)::bigint as weighted_count
from touched
inner join {{ ref('rollup_events_1hr') }} as rollup_events_1hr
    using (tenant_id, event_hour)
group by 1, 2
