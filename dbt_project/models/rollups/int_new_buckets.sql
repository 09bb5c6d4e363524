{{ config(
    materialized='batch',
    contract={'enforced': false},
    upstreams=['int_event_batch', 'int_repeats'],
    planned_by=[
        'apply_id', 'tenant_id', 'event_5min', 'event_type', 'country', 'browser',
    ],
    planner_off=['enable_sort'],
) }}
{#
Grain: one row per apply, tenant, five minutes (UTC), event type, country and browser
with events in the batch. One pass over the events for all models that need no finer
grain. Hashing, even when it spills to disk, takes half the time of sorting.
#}
select
    int_new_events.apply_id,
    int_new_events.tenant_id,
    date_bin('5 minutes', int_new_events.event_time, '2000-01-01Z') as event_5min,
    int_new_events.event_type,
    int_new_events.country,
    int_new_events.browser,
    count(*) as event_count,
    sum(int_new_events.sample_rate) as weighted_count,
    {{ sketch_of('int_new_events.device_id') }} as device_sketch,
    {{ sketch_of('int_new_events.session_id') }} as session_sketch
from {{ ref('int_new_events') }} as int_new_events
group by 1, 2, 3, 4, 5, 6
