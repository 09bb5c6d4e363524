{{ config(
    upstreams=['int_event_batch', 'int_repeats'],
    full_refresh=false,
    indexes=[{'columns': ['tenant_id', 'entity_id'], 'unique': true}],
) }}
{# Grain: one row per entity of a tenant, ever seen; its key is given once for ever. #}
with

seen as (
    select distinct
        int_new_events.tenant_id,
        int_new_events.entity_id
    from {{ ref('int_new_events') }} as int_new_events
    where {{ is_pending('int_new_events') }} and int_new_events.entity_id is not null
)

select
    nextval(
        pg_get_serial_sequence('{{ this.schema }}.{{ this.identifier }}', 'entity_key')
    )::integer as entity_key,
    seen.tenant_id,
    seen.entity_id
from seen
where not exists (
    select from {{ this }} as known
    where seen.tenant_id = known.tenant_id and seen.entity_id = known.entity_id
)
