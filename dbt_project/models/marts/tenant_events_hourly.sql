{{ config(
    upstreams=['rollup_events_1hr', 'int_touched_hours'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_hour'],
) }}
{# Grain: one row per tenant and hour (UTC) with events. #}
with

touched as (
    select distinct
        int_touched_hours.tenant_id,
        int_touched_hours.event_hour
    from {{ ref('int_touched_hours') }} as int_touched_hours
    where {{ is_pending('int_touched_hours') }}
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
