{{ config(
    upstreams=['int_keyed_events'],
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
    int_keyed_events.tenant_id,
    int_keyed_events.event_date,
    int_keyed_events.device_key,
    count(*) as event_count,
    sum(int_keyed_events.sample_rate) as weighted_count
from {{ ref('int_keyed_events') }} as int_keyed_events
where {{ is_pending('int_keyed_events') }}
group by 1, 2, 3
