{{ config(
    upstreams=['events'],
    full_refresh=false,
    indexes=[{'columns': ['country'], 'unique': true}],
) }}
{# Grain: one row per country, ever seen; a key is given once and for ever. #}
with

seen as (
    select distinct events.country
    from {{ ref('events') }} as events
    where {{ is_pending('events', event_time=true) }} and events.country is not null
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
