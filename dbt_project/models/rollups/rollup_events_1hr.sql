{{ config(
    upstreams=['rollup_events_5min', 'int_touched_hours'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_hour'],
    rebuilt_by='event_hour',
    indexes=[{
        'columns': [
            'tenant_id', 'event_hour', 'event_type_key', 'country_key', 'browser_key',
        ],
        'unique': true,
    }],
) }}
{#
Grain: one row per tenant, hour (UTC), event type, country and browser. Hours that new
events fall into are summed anew from their five-minute buckets.
#}
with

touched as (
    {{ touched_hours() }}
)

select
    touched.tenant_id,
    touched.event_hour,
    rollup_events_5min.event_type_key,
    rollup_events_5min.country_key,
    rollup_events_5min.browser_key,
    sum(rollup_events_5min.event_count)::bigint as event_count,
    sum(rollup_events_5min.weighted_count)::bigint as weighted_count,
    sketch.merge(rollup_events_5min.device_sketch) as device_sketch,
    sketch.merge(rollup_events_5min.session_sketch) as session_sketch
from touched
inner join {{ ref('rollup_events_5min') }} as rollup_events_5min
    on touched.tenant_id = rollup_events_5min.tenant_id
    -- The same twice: as an equality for many hours, as a range of the key for few.
    and touched.event_hour
    = date_trunc('hour', rollup_events_5min.event_5min, 'UTC')
    and touched.event_hour <= rollup_events_5min.event_5min
    and touched.event_hour + interval '1 hour' > rollup_events_5min.event_5min
group by 1, 2, 3, 4, 5
