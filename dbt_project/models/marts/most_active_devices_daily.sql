{{ config(
    upstreams=['fct_device_activity_daily', 'int_touched_hours'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_date'],
    rebuilt_by='event_date',
    forgets={'device_id': 'delete'},
) }}
{# Grain: one row per tenant, day (UTC) and rank of the devices with the most events. #}
{{ most_active(
    'device',
    counted_in='fct_device_activity_daily', named_in='dim_devices'
) }}
