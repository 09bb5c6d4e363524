-- Tables with integer keys, joined to the values that these stand for; braces stand for
-- the table's name.

-- of_rollup --
select
    counts.*,
    event_types.value as event_type,
    countries.value as country,
    browsers.value as browser
from {table} as counts
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

-- of_devices --
select
    counts.*,
    dim_devices.device_id
from {table} as counts
left join analytics.dim_devices
    on
        counts.tenant_id = dim_devices.tenant_id
        and counts.device_key = dim_devices.device_key;

-- of_users --
select
    counts.*,
    cardinality(counts.event_times) as event_count,
    dim_users.user_id
from {table} as counts
left join analytics.dim_users
    on
        counts.tenant_id = dim_users.tenant_id
        and counts.user_key = dim_users.user_key;

-- of_entities --
select
    counts.*,
    dim_entities.entity_id,
    event_types.value as event_type,
    dim_users.user_id
from {table} as counts
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
