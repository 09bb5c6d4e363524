{{ config(
    upstreams=['int_event_batch', 'int_repeats', 'dim_entities', 'dim_users', 'dim_event_types'],
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
    int_new_events.tenant_id,
    (int_new_events.event_time at time zone 'UTC')::date as event_date,
    coalesce(dim_entities.entity_key, 0) as entity_key,
    coalesce(dim_event_types.event_type_key, 0) as event_type_key,
    coalesce(dim_users.user_key, 0) as user_key,
    count(*) as event_count
from {{ ref('int_new_events') }} as int_new_events
left join {{ ref('dim_entities') }} as dim_entities
    on
        int_new_events.tenant_id = dim_entities.tenant_id
        and int_new_events.entity_id = dim_entities.entity_id
left join {{ ref('dim_event_types') }} as dim_event_types
    on int_new_events.event_type = dim_event_types.event_type
left join {{ ref('dim_users') }} as dim_users
    on
        int_new_events.tenant_id = dim_users.tenant_id
        and int_new_events.user_id = dim_users.user_id
where {{ is_pending('int_new_events') }}
group by 1, 2, 3, 4, 5
