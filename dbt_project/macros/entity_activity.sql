{#
Events and distinct products by what reference data say of the products now; what they say
nothing of is `unknown`. A product of several countries counts in each.
    by           owner, brand or country
    counted_in   fact of the events
    at           its day or month
#}
{% macro entity_activity(by, counted_in, at) -%}
    with

    products as (
        {% if by == 'country' -%}
            select distinct
                dim_products.tenant_id,
                dim_products.entity_key,
                trim(country) as country
            from {{ ref('dim_products') }} as dim_products
            cross join unnest(dim_products.countries) as country
        {%- else -%}
            select
                dim_products.tenant_id,
                dim_products.entity_key,
                dim_products.{{ by }}
            from {{ ref('dim_products') }} as dim_products
        {%- endif %}
    )

    select
        fact.tenant_id,
        fact.{{ at }},
        coalesce(products.{{ by }}, 'unknown') as {{ by }},
        sum(fact.event_count)::bigint as event_count,
        count(distinct fact.entity_key) as entity_count
    from {{ ref(counted_in) }} as fact
    left join products using (tenant_id, entity_key)
    where fact.entity_key <> 0
    group by 1, 2, 3
{%- endmacro %}
