{{ config(
    upstreams=['int_new_buckets'],
    full_refresh=false,
    indexes=[{'columns': ['browser'], 'unique': true}],
) }}
{# Grain: one row per browser, ever seen; a key is given once and for ever. #}
with

seen as (
    select distinct int_new_buckets.browser
    from {{ ref('int_new_buckets') }} as int_new_buckets
    where {{ is_pending('int_new_buckets') }} and int_new_buckets.browser is not null
)

select
    nextval(
        pg_get_serial_sequence('{{ this.schema }}.{{ this.identifier }}', 'browser_key')
    )::integer as browser_key,
    seen.browser
from seen
where not exists (
    select from {{ this }} as known
    where seen.browser = known.browser
)
