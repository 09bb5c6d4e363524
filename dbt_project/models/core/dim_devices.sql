{{ config(
    upstreams=['int_event_batch'],
    full_refresh=false,
    forgets={'device_id': 'delete'},
    indexes=[{'columns': ['tenant_id', 'device_id'], 'unique': true}],
) }}
{# Grain: one row per device of a tenant ever seen; its key never changes. #}
{{ dimension(
    'device_key', 'device_id',
    seen_in='int_event_batch', per_tenant=true
) }}
