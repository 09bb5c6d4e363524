{{ config(
    upstreams=['events', 'dim_entities', 'dim_users', 'dim_event_types'],
    incremental_strategy='add',
    unique_key=['tenant_id', 'event_date', 'entity_key', 'event_type_key', 'user_key'],
) }}
{#
Grain: one row per tenant, day (UTC), entity, event type and user. Counts add, so late
events change the rows of their own day and nothing else. A missing value has key 0.
#}
select
    events.tenant_id,
    (events.event_time at time zone 'UTC')::date as event_date,
    coalesce(dim_entities.entity_key, 0) as entity_key,
    coalesce(dim_event_types.event_type_key, 0) as event_type_key,
    coalesce(dim_users.user_key, 0) as user_key,
    count(*) as event_count
from {{ ref('events') }} as events
left join {{ ref('dim_entities') }} as dim_entities
    on
        events.tenant_id = dim_entities.tenant_id
        and events.entity_id = dim_entities.entity_id
left join {{ ref('dim_event_types') }} as dim_event_types
    on events.event_type = dim_event_types.event_type
left join {{ ref('dim_users') }} as dim_users
    on
        events.tenant_id = dim_users.tenant_id
        and events.user_id = dim_users.user_id
where {{ is_pending('events', event_time=true) }}
group by 1, 2, 3, 4, 5
