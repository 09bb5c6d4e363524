{{ config(
    upstreams=['int_event_batch'],
    full_refresh=false,
    forgets={'user_id': 'delete'},
    indexes=[{'columns': ['tenant_id', 'user_id'], 'unique': true}],
) }}
{# Grain: one row per user of a tenant ever seen; its key never changes. #}
{{ dimension(
    'user_key', 'user_id',
    seen_in='int_event_batch', per_tenant=true
) }}
