{{ config(
    upstreams=['int_event_batch'],
    full_refresh=false,
    indexes=[{'columns': ['tenant_id', 'entity_id'], 'unique': true}],
) }}
{# Grain: one row per entity of a tenant ever seen; its key never changes. #}
{{ dimension(
    'entity_key', 'entity_id',
    seen_in='int_event_batch', per_tenant=true
) }}
