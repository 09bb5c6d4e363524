-- What questions are answered from; see sources.py.

-- tenant_events_daily --
select tenant_id, event_date, event_count, weighted_count, device_sketch, session_sketch
from marts.tenant_events_daily;

-- tenant_events_hourly --
select tenant_id, event_hour, event_count, weighted_count, device_sketch, session_sketch
from marts.tenant_events_hourly;

-- event_types_hourly --
select tenant_id, event_hour, event_type, event_count, weighted_count
from marts.event_types_hourly;

-- rollup_events_1hr --
select
    counts.tenant_id,
    counts.event_hour,
    event_types.value as event_type,
    countries.value as country,
    browsers.value as browser,
    counts.event_count,
    counts.weighted_count,
    counts.device_sketch,
    counts.session_sketch
from analytics.rollup_events_1hr as counts
left join analytics.dim_tenant_values as event_types
    on
        counts.tenant_id = event_types.tenant_id
        and event_types.field = 'event_type'
        and counts.event_type_key = event_types.value_key
left join analytics.dim_tenant_values as countries
    on
        counts.tenant_id = countries.tenant_id
        and countries.field = 'country'
        and counts.country_key = countries.value_key
left join analytics.dim_tenant_values as browsers
    on
        counts.tenant_id = browsers.tenant_id
        and browsers.field = 'browser'
        and counts.browser_key = browsers.value_key;

-- fct_device_activity_daily --
select
    counts.tenant_id,
    counts.event_date,
    dim_devices.device_id,
    counts.event_count,
    counts.weighted_count
from analytics.fct_device_activity_daily as counts
left join analytics.dim_devices
    on
        counts.tenant_id = dim_devices.tenant_id
        and counts.device_key = dim_devices.device_key;

-- fct_user_sequences_daily --
select
    sequences.tenant_id,
    sequences.event_date,
    dim_users.user_id,
    cardinality(sequences.event_times) as event_count
from analytics.fct_user_sequences_daily as sequences
left join analytics.dim_users
    on
        sequences.tenant_id = dim_users.tenant_id
        and sequences.user_key = dim_users.user_key;

-- fct_entity_activity_daily --
select
    counts.tenant_id,
    counts.event_date,
    dim_entities.entity_id,
    event_types.value as event_type,
    dim_users.user_id,
    counts.event_count
from analytics.fct_entity_activity_daily as counts
left join analytics.dim_entities
    on
        counts.tenant_id = dim_entities.tenant_id
        and counts.entity_key = dim_entities.entity_key
left join analytics.dim_users
    on
        counts.tenant_id = dim_users.tenant_id
        and counts.user_key = dim_users.user_key
left join analytics.dim_tenant_values as event_types
    on
        counts.tenant_id = event_types.tenant_id
        and event_types.field = 'event_type'
        and counts.event_type_key = event_types.value_key;

-- tenant_events_5min --
select tenant_id, event_5min, event_count, weighted_count, device_sketch, session_sketch
from marts.tenant_events_5min;

-- rollup_events_5min --
select
    counts.tenant_id,
    counts.event_5min,
    event_types.value as event_type,
    countries.value as country,
    browsers.value as browser,
    counts.event_count,
    counts.weighted_count,
    counts.device_sketch,
    counts.session_sketch
from analytics.rollup_events_5min as counts
left join analytics.dim_tenant_values as event_types
    on
        counts.tenant_id = event_types.tenant_id
        and event_types.field = 'event_type'
        and counts.event_type_key = event_types.value_key
left join analytics.dim_tenant_values as countries
    on
        counts.tenant_id = countries.tenant_id
        and countries.field = 'country'
        and counts.country_key = countries.value_key
left join analytics.dim_tenant_values as browsers
    on
        counts.tenant_id = browsers.tenant_id
        and browsers.field = 'browser'
        and counts.browser_key = browsers.value_key;
