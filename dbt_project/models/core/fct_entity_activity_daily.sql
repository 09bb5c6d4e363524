{{ config(
    upstreams=['int_keyed_events'],
    incremental_strategy='add',
    unique_key=['tenant_id', 'event_date', 'entity_key', 'event_type_key', 'user_key'],
    rebuilt_by='event_date',
    forgets={'user_key': 'move_to_0'},
) }}
{#
Grain: one row per tenant, day (UTC), entity, event type and user. Counts are additive,
so late events change only rows of their own day. A missing value has key 0.
#}
select
    int_keyed_events.tenant_id,
    int_keyed_events.event_date,
    int_keyed_events.entity_key,
    int_keyed_events.event_type_key,
    int_keyed_events.user_key,
    count(*) as event_count
from {{ ref('int_keyed_events') }} as int_keyed_events
where {{ is_pending('int_keyed_events') }}
group by 1, 2, 3, 4, 5
