{{ config(
    upstreams=['int_event_batch', 'int_repeats'],
    full_refresh=false,
    indexes=[{'columns': ['tenant_id', 'user_id'], 'unique': true}],
) }}
{# Grain: one row per user of a tenant, ever seen; a key is given once and for ever. #}
with

seen as (
    select distinct
        int_new_events.tenant_id,
        int_new_events.user_id
    from {{ ref('int_new_events') }} as int_new_events
    where {{ is_pending('int_new_events') }} and int_new_events.user_id is not null
)

select
    nextval(
        pg_get_serial_sequence('{{ this.schema }}.{{ this.identifier }}', 'user_key')
    )::integer as user_key,
    seen.tenant_id,
    seen.user_id
from seen
where not exists (
    select from {{ this }} as known
    where seen.tenant_id = known.tenant_id and seen.user_id = known.user_id
)
