{{ config(
    upstreams=['int_new_buckets'],
    full_refresh=false,
    indexes=[{'columns': ['country'], 'unique': true}],
) }}
{# Grain: one row per country, ever seen; a key is given once and for ever. #}
with

seen as (
    select distinct int_new_buckets.country
    from {{ ref('int_new_buckets') }} as int_new_buckets
    where {{ is_pending('int_new_buckets') }} and int_new_buckets.country is not null
)

select
    nextval(
        pg_get_serial_sequence('{{ this.schema }}.{{ this.identifier }}', 'country_key')
    )::integer as country_key,
    seen.country
from seen
where not exists (
    select from {{ this }} as known
    where seen.country = known.country
)
