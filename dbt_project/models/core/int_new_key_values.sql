{{ config(
    materialized='batch',
    contract={'enforced': false},
    upstreams=['int_event_batch', 'int_repeats', 'int_new_buckets'],
    planner_off=['enable_sort', 'enable_memoize'],
) }}
-- noqa: disable=LT02
-- The loops' selects.
{#
Grain: one row per apply, tenant, event type, key and value with events in the batch;
values that will not be kept are counted together, as null.

Fields with few values are counted together, in one pass. For ids, only the events that
have them are counted: their values are in the dimensions. For an attribute, the values
with the smallest hashes of the tenant's key are kept. Which values can't be kept is
known before they are counted, from those that are stored, from where others were cut
off, and from every 64th event. So hardly any value is counted of an attribute that
differs in each event.
#}
{%- set kept = kept_relation('fct_key_values') %}
with

-- Not materialized: a materialized CTE is read by one process only.
int_new_events as not materialized (
    select int_new_events.* from {{ ref('int_new_events') }} as int_new_events
),

int_new_buckets as (
    select int_new_buckets.* from {{ ref('int_new_buckets') }} as int_new_buckets
),

fields as (
    select
        int_new_events.apply_id,
        int_new_events.tenant_id,
        int_new_events.event_type,
        {% for field in other_listed_names() -%}
            int_new_events.{{ field }},
        {% endfor -%}
        {% for field in listed_ids() -%}
            count(int_new_events.{{ field }}) as {{ field }}_count,
        {% endfor -%}
        count(*) as event_count
    from int_new_events
    group by 1, 2, 3, 4, 5, 6
),

sampled as (
    select distinct
        attributes.tenant_id,
        attributes.key,
        hashtextextended(attributes.value, 0) as value_hash
    from (
        {{ attribute_values(
            'int_new_events', ['tenant_id'], 'mod(events.line_number, 64) = 0'
        ) }}
    ) as attributes
    where
        attributes.value <> ''
        and octet_length(attributes.value) <= {{ var('max_listed_bytes') }}
    {%- if kept %}
        union
        select
            kept.tenant_id,
            kept.key,
            kept.value_hash
        from {{ kept }} as kept
    {%- endif %}
),

sampled_bounds as (
    select
        ranked.tenant_id,
        ranked.key,
        ranked.value_hash as bound
    from (
        select
            sampled.*,
            row_number() over (
                partition by sampled.tenant_id, sampled.key order by sampled.value_hash
            ) as place
        from sampled
    ) as ranked
    where ranked.place = {{ var('values_per_key') }}
    {%- if kept and not is_refreshed('fct_key_values') %}
        union all
        select
            cut_off.tenant_id,
            cut_off.key,
            cut_off.bound
        from {{ source('ledger', 'value_bounds') }} as cut_off
    {%- endif %}
),

bounds as (
    select
        sampled_bounds.tenant_id,
        sampled_bounds.key,
        min(sampled_bounds.bound) as bound
    from sampled_bounds
    group by 1, 2
),

counted as (
    select
        attributes.apply_id,
        attributes.tenant_id,
        attributes.event_type,
        attributes.key,
        case
            when
                bounds.bound is null
                or hashtextextended(attributes.value, 0) <= bounds.bound
                then attributes.value
        end as value,
        count(*) as event_count
    from (
        {{ attribute_values(
            'int_new_events', ['apply_id', 'tenant_id', 'event_type']
        ) }}
    ) as attributes
    left join bounds using (tenant_id, key)
    group by 1, 2, 3, 4, 5

    {% for field in other_listed_names() -%}
        union all
        select
            fields.apply_id,
            fields.tenant_id,
            fields.event_type,
            '{{ field }}' as key,
            fields.{{ field }} as value,
            fields.event_count
        from fields
        where fields.{{ field }} is not null
    {% endfor %}
    {% for field in listed_names_of_buckets() -%}
        union all
        select
            int_new_buckets.apply_id,
            int_new_buckets.tenant_id,
            int_new_buckets.event_type,
            '{{ field }}' as key,
            int_new_buckets.{{ field }} as value,
            int_new_buckets.event_count
        from int_new_buckets
        where int_new_buckets.{{ field }} is not null
    {% endfor %}
    {% for field in listed_ids() -%}
        union all
        select
            fields.apply_id,
            fields.tenant_id,
            fields.event_type,
            '{{ field }}' as key,
            null as value,
            fields.{{ field }}_count as event_count
        from fields
        where fields.{{ field }}_count > 0
    {% endfor %}
)

select
    counted.apply_id,
    counted.tenant_id,
    coalesce(counted.event_type, '') as event_type,
    counted.key,
    {{ listed_value('counted.value') }} as value,
    sum(counted.event_count)::bigint as event_count
from counted
where octet_length(counted.key) <= {{ var('max_listed_bytes') }}
group by 1, 2, 3, 4, 5
