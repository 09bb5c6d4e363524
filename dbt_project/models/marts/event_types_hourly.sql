{{ config(
    upstreams=['rollup_events_1hr', 'int_touched_hours', 'dim_event_types'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_hour'],
    rebuilt_by='event_hour',
    indexes=[
        {'columns': ['tenant_id', 'event_hour', 'event_type'], 'unique': true},
    ],
) }}
{# Grain: one row per tenant, hour (UTC) and event type with events. #}
with

touched as (
    {{ touched_hours() }}
)

select
    rollup_events_1hr.tenant_id,
    rollup_events_1hr.event_hour,
    dim_event_types.event_type,
    sum(rollup_events_1hr.event_count)::bigint as event_count,
    sum(rollup_events_1hr.weighted_count)::bigint as weighted_count
from touched
inner join {{ ref('rollup_events_1hr') }} as rollup_events_1hr
    on
        touched.tenant_id = rollup_events_1hr.tenant_id
        and touched.event_hour = rollup_events_1hr.event_hour
left join {{ ref('dim_event_types') }} as dim_event_types using (event_type_key)
group by 1, 2, 3
