{#
Events and distinct products by what reference data say of the products now; what they say
nothing of is `unknown`. A product of several countries counts in each.
    by           owner, brand or country
    counted_in   fact of the events
    at           its day or month
    is_by_entity the fact has one row per entity of a day or month: rows are products

Known and unknown are apart, so that who asks for one owner reads the rows of its products
and no others: `coalesce(owner, 'unknown') = ...` says nothing of the products to read.
#}
{% macro entity_activity(by, counted_in, at, is_by_entity=false) -%}
    with

    -- Read twice, and each time only what is asked for.
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
