{{ config(materialized='view') }}
{#
Grain: one row per product in a feed named `products`, in its latest version. Brand and
countries have two spellings, the second being that of Open Food Facts.
#}
with

products as (
    select
        reference_latest.tenant_id,
        reference_latest.entity_id,
        reference_latest.attributes,
        coalesce(
            reference_latest.attributes -> 'countries',
            reference_latest.attributes -> 'countries_tags'
        ) as countries
    from {{ ref('reference_latest') }} as reference_latest
    where reference_latest.feed = 'products'
)

select
    products.tenant_id,
    products.entity_id,
    dim_entities.entity_key,
    coalesce(
        products.attributes ->> 'product_name', products.attributes ->> 'name'
    ) as product_name,
    products.attributes ->> 'owner' as owner,
    coalesce(
        products.attributes ->> 'brand', products.attributes ->> 'brands'
    ) as brand,
    case jsonb_typeof(products.countries)
        when 'array' then array(select jsonb_array_elements_text(products.countries))
        when 'string' then string_to_array(products.countries #>> '{}', ',')
        else '{}'
    end as countries
from products
inner join {{ ref('dim_entities') }} as dim_entities using (tenant_id, entity_id)
