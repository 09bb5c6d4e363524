{{ config(
    upstreams=['int_event_batch', 'int_repeats', 'dim_devices'],
    incremental_strategy='add',
    unique_key=['tenant_id', 'event_date', 'device_key'],
    rebuilt_by='event_date',
    forgets={'device_key': 'move_to_0'},
) }}
{#
Grain: one row per tenant, day (UTC) and device. Top lists over any days are read from
it, because the truncated lists of single days can't be added up. A missing device has
key 0.
#}
select
    int_new_events.tenant_id,
    (int_new_events.event_time at time zone 'UTC')::date as event_date,
    coalesce(dim_devices.device_key, 0) as device_key,
    count(*) as event_count,
    sum(int_new_events.sample_rate) as weighted_count
from {{ ref('int_new_events') }} as int_new_events
left join {{ ref('dim_devices') }} as dim_devices
    on
        int_new_events.tenant_id = dim_devices.tenant_id
        and int_new_events.device_id = dim_devices.device_id
where {{ is_pending('int_new_events') }}
group by 1, 2, 3
