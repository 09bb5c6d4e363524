{{ config(
    upstreams=['tenant_events_hourly', 'int_touched_hours'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_date'],
    rebuilt_by='event_date',
) }}
{# Grain: one row per tenant and day (UTC) with events. #}
with

touched as (
    {{ touched_days() }}
)

select
    touched.tenant_id,
    touched.event_date,
    {{ tenant_counts('tenant_events_hourly') }}
from touched
inner join {{ ref('tenant_events_hourly') }} as tenant_events_hourly
    on touched.tenant_id = tenant_events_hourly.tenant_id
    -- The same twice: as an equality for many days, as a range of the key for few.
    and touched.event_date
    = (tenant_events_hourly.event_hour at time zone 'UTC')::date
    and touched.event_date::timestamp at time zone 'UTC'
    <= tenant_events_hourly.event_hour
    and (touched.event_date + 1)::timestamp at time zone 'UTC'
    > tenant_events_hourly.event_hour
group by 1, 2
