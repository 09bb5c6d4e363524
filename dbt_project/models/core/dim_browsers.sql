{{ config(
    upstreams=['events'],
    full_refresh=false,
    indexes=[{'columns': ['browser'], 'unique': true}],
) }}
{# Grain: one row per browser, ever seen; a key is given once and for ever. #}
with

seen as (
    select distinct events.browser
    from {{ ref('events') }} as events
    where {{ is_pending('events', event_time=true) }} and events.browser is not null
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
