{{ config(materialized='view') }}
{# Grain: one row per session, with names in place of the keys of fct_sessions. #}
select
    fct_sessions.tenant_id,
    dim_users.user_id,
    dim_devices.device_id,
    stg_feeds.feed,
    nullif(fct_sessions.session_id, '') as session_id,
    fct_sessions.session_start,
    fct_sessions.session_end,
    fct_sessions.duration_seconds,
    fct_sessions.event_count,
    fct_sessions.weighted_count,
    entry_event_types.event_type as entry_event_type,
    entry_entities.entity_id as entry_entity_id,
    exit_event_types.event_type as exit_event_type,
    exit_entities.entity_id as exit_entity_id
from {{ ref('fct_sessions') }} as fct_sessions
left join {{ ref('dim_users') }} as dim_users
    on fct_sessions.visitor_key = dim_users.user_key
left join {{ ref('dim_devices') }} as dim_devices
    on -fct_sessions.visitor_key = dim_devices.device_key
left join {{ ref('stg_feeds') }} as stg_feeds
    on fct_sessions.feed_id = stg_feeds.feed_id
left join {{ ref('dim_event_types') }} as entry_event_types
    on fct_sessions.entry_event_type_key = entry_event_types.event_type_key
left join {{ ref('dim_entities') }} as entry_entities
    on fct_sessions.entry_entity_key = entry_entities.entity_key
left join {{ ref('dim_event_types') }} as exit_event_types
    on fct_sessions.exit_event_type_key = exit_event_types.event_type_key
left join {{ ref('dim_entities') }} as exit_entities
    on fct_sessions.exit_entity_key = exit_entities.entity_key
