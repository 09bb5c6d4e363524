{{ config(
    upstreams=['rollup_events_5min', 'int_touched_hours'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_hour'],
    rebuilt_by='event_hour',
    planned_by=['tenant_id', 'event_hour', 'event_type_key', 'country_key', 'browser_key'],
    indexes=[{
        'columns': [
            'tenant_id', 'event_hour', 'event_type_key', 'country_key', 'browser_key',
        ],
        'unique': true,
    }],
) }}
{#
Grain: one row per tenant, hour (UTC), event type, country and browser. Hours with new
events are summed again from their five-minute buckets.
#}
with

touched as (
    {{ touched_hours() }}
)

select
    touched.tenant_id,
    touched.event_hour,
    summed.event_type_key,
    summed.country_key,
    summed.browser_key,
    summed.event_count,
    summed.weighted_count,
    summed.device_sketch,
    summed.session_sketch
from touched
-- One short range of the key per hour: a join reads the buckets of all history as soon
-- as a day's hours have new events.
cross join lateral (
    select
        buckets.event_type_key,
        buckets.country_key,
        buckets.browser_key,
        sum(buckets.event_count)::bigint as event_count,
        sum(buckets.weighted_count)::bigint as weighted_count,
        sketch.merge(buckets.device_sketch) as device_sketch,
        sketch.merge(buckets.session_sketch) as session_sketch
    from {{ ref('rollup_events_5min') }} as buckets
    where
        buckets.tenant_id = touched.tenant_id
        and buckets.event_5min >= touched.event_hour
        and buckets.event_5min < touched.event_hour + interval '1 hour'
    group by 1, 2, 3
) as summed
