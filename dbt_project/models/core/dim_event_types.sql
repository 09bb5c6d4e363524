{{ config(
    upstreams=['int_new_buckets'],
    full_refresh=false,
    indexes=[{'columns': ['event_type'], 'unique': true}],
) }}
{# Grain: one row per event_type, ever seen; a key is given once and for ever. #}
with

seen as (
    select distinct int_new_buckets.event_type
    from {{ ref('int_new_buckets') }} as int_new_buckets
    where {{ is_pending('int_new_buckets') }} and int_new_buckets.event_type is not null
)

select
    nextval(
        pg_get_serial_sequence(
            '{{ this.schema }}.{{ this.identifier }}', 'event_type_key'
        )
    )::integer as event_type_key,
    seen.event_type
from seen
where not exists (
    select from {{ this }} as known
    where seen.event_type = known.event_type
)
