{# Grain: one row per raw record; empty values are null. #}
select
    events_raw.load_id,
    events_raw.line_number,
    nullif(events_raw.tenant_id, '') as tenant_id,
    nullif(events_raw.event_id, '') as event_id,
    nullif(events_raw.event_type, '') as event_type,
    nullif(events_raw.user_id, '') as user_id,
    nullif(events_raw.entity_id, '') as entity_id,
    nullif(events_raw.session_id, '') as session_id,
    nullif(events_raw.device_id, '') as device_id,
    nullif(events_raw.country, '') as country,
    nullif(events_raw.browser, '') as browser,
    nullif(events_raw.platform, '') as platform,
    nullif(events_raw.environment, '') as environment,
    nullif(events_raw.service, '') as service,
    nullif(events_raw.sample_rate, '') as sample_rate,
    nullif(events_raw.attributes, '') as attributes,
    nullif(events_raw.event_time, '') as event_time,
    events_raw.received_at
from {{ source('raw', 'events_raw') }} as events_raw
