{{ config(
    upstreams=['int_new_buckets', 'dim_event_types', 'dim_countries', 'dim_browsers'],
    forgets={'nothing': 'names by which rollups of all users are read'},
) }}
-- noqa: disable=LT02
-- The loop's selects.
{#
Grain: one row per tenant, field and value that the tenant has sent: the tenant's own
names out of the shared dimensions, which it needs to read its rollups.
#}
{%- set dimensions = {
    'event_type': 'dim_event_types',
    'country': 'dim_countries',
    'browser': 'dim_browsers',
} %}
with

seen as (
    {% for field, dimension in dimensions.items() -%}
        select distinct
            int_new_buckets.tenant_id,
            '{{ field }}' as field,
            names.{{ field }}_key as value_key,
            names.{{ field }} as value
        from {{ ref('int_new_buckets') }} as int_new_buckets
        inner join {{ ref(dimension) }} as names using ({{ field }})
        where {{ is_pending('int_new_buckets') }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    seen.tenant_id,
    seen.field,
    seen.value_key,
    seen.value
from seen
where not exists (
    select from {{ this }} as known
    where
        seen.tenant_id = known.tenant_id
        and seen.field = known.field
        and seen.value_key = known.value_key
)
