{#
Events with the keys of their ids, 0 where there is none. A visitor is the user, or the
device (its key is negative) where an event names no user; 0 if it names neither.
    events  relation with the columns of events
#}
{% macro keyed_events(events) -%}
    select
        events.apply_id,
        events.event_time,
        (events.event_time at time zone 'UTC')::date as event_date,
        events.sample_rate,
        case
            when events.user_id is not null then coalesce(dim_users.user_key, 0)
            else coalesce(-dim_devices.device_key, 0)
        end as visitor_key,
        coalesce(dim_users.user_key, 0) as user_key,
        coalesce(dim_devices.device_key, 0) as device_key,
        coalesce(dim_entities.entity_key, 0) as entity_key,
        coalesce(dim_event_types.event_type_key, 0) as event_type_key,
        events.feed_id,
        events.tenant_id,
        events.event_type,
        events.entity_id,
        events.session_id,
        events.event_id
    from {{ events }} as events
    left join {{ ref('dim_users') }} as dim_users
        on
            events.tenant_id = dim_users.tenant_id
            and events.user_id = dim_users.user_id
    left join {{ ref('dim_devices') }} as dim_devices
        on
            events.tenant_id = dim_devices.tenant_id
            and events.device_id = dim_devices.device_id
    left join {{ ref('dim_entities') }} as dim_entities
        on
            events.tenant_id = dim_entities.tenant_id
            and events.entity_id = dim_entities.entity_id
    left join {{ ref('dim_event_types') }} as dim_event_types
        on events.event_type = dim_event_types.event_type
{%- endmacro %}
