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
    counted.*
from touched
-- One short range of the key per hour, however long the history is.
cross join lateral (
    select {{ tenant_counts('buckets') }}
    from {{ ref('tenant_events_5min') }} as buckets
    where
        buckets.tenant_id = touched.tenant_id
        and buckets.event_5min >= touched.event_hour
        and buckets.event_5min < touched.event_hour + interval '1 hour'
    having count(*) > 0
) as counted
