{{ config(materialized='view') }}
{#
Grain: one row per event, by time and tenant: the events behind a number. Their
attributes are columns of analytics.<feed>.
#}
select
    events.tenant_id,
    events.event_time,
    events.event_id,
    events.event_type,
    events.user_id,
    events.entity_id,
    events.session_id,
    events.device_id,
    events.country,
    events.browser,
    events.platform,
    events.environment,
    events.service,
    events.sample_rate,
    events.load_id,
    events.line_number,
    events.received_at
from {{ ref('events') }} as events
