{{ config(
    upstreams=['tenant_events_5min', 'int_touched_hours'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_hour'],
    rebuilt_by='event_hour',
) }}
{# Grain: one row per tenant and hour (UTC) with events. #}
with

touched as (
    {{ touched_hours() }}
)

select
    touched.tenant_id,
    touched.event_hour,
    {{ tenant_counts('tenant_events_5min') }}
from touched
inner join {{ ref('tenant_events_5min') }} as tenant_events_5min
    on touched.tenant_id = tenant_events_5min.tenant_id
    -- The same twice: as an equality for many hours, as a range of the key for few.
    and touched.event_hour
    = date_trunc('hour', tenant_events_5min.event_5min, 'UTC')
    and touched.event_hour <= tenant_events_5min.event_5min
    and touched.event_hour + interval '1 hour' > tenant_events_5min.event_5min
group by 1, 2
