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
    counted.*
from touched
-- One short range of the key per day, however long the history is.
cross join lateral (
    select {{ tenant_counts('hours') }}
    from {{ ref('tenant_events_hourly') }} as hours
    where
        hours.tenant_id = touched.tenant_id
        and hours.event_hour >= touched.event_date::timestamp at time zone 'UTC'
        and hours.event_hour < (touched.event_date + 1)::timestamp at time zone 'UTC'
    having count(*) > 0
) as counted
