{#
Events and distinct products by the current reference data of the products; missing data
are `unknown`. A product with several countries counts in each.
    by           owner, brand or country
    counted_in   fact of the events
    at           its day or month
    is_by_entity the fact has one row per entity of a day or month: rows are products

Known and unknown products are separate, so that a query for one owner reads only the
rows of that owner's products: `coalesce(owner, 'unknown') = ...` can't limit the
products.
#}
{% macro entity_activity(by, counted_in, at, is_by_entity=false) -%}
    with

    -- Not materialized: read twice, each time only the rows asked for.
    products as not materialized (
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
            where dim_products.{{ by }} is not null
        {%- endif %}
    ),

    activity as (
        select
            fact.tenant_id,
            fact.{{ at }},
            products.{{ by }},
            fact.entity_key,
            fact.event_count
        from {{ ref(counted_in) }} as fact
        inner join products using (tenant_id, entity_key)
        where fact.entity_key <> 0
        union all
        select
            fact.tenant_id,
            fact.{{ at }},
            'unknown' as {{ by }},
            fact.entity_key,
            fact.event_count
        from {{ ref(counted_in) }} as fact
        where
            fact.entity_key <> 0
            and not exists (
                select from products
                where
                    products.tenant_id = fact.tenant_id
                    and products.entity_key = fact.entity_key
            )
    )

    select
        activity.tenant_id,
        activity.{{ at }},
        activity.{{ by }},
        sum(activity.event_count)::bigint as event_count,
        count({{ '*' if is_by_entity else 'distinct activity.entity_key' }}) as entity_count
    from activity
    group by 1, 2, 3
{%- endmacro %}
