{{ config(materialized='view') }}
-- noqa: disable=LT02
-- The loops' selects.
{#
Grain: one row per event and key of it. The same as int_new_key_values, but by event, so
that the counts of a deleted user can be subtracted; a test compares the counts of both.
#}
with

pairs as (
    select
        kept.tenant_id,
        kept.user_id,
        coalesce(kept.event_type, '') as event_type,
        found.key,
        {{ listed_value('found.value') }} as value
    from {{ ref('events') }} as kept
    cross join lateral (
        {{ attribute_values('(select kept.attributes)', columns=[]) }}
        {% for field in listed_names_of_buckets() + other_listed_names() -%}
            union all
            select
                '{{ field }}' as key,
                kept.{{ field }} as value
            where kept.{{ field }} is not null
        {% endfor %}
        {% for field in listed_ids() -%}
            union all
            select
                '{{ field }}' as key,
                null as value
            where kept.{{ field }} is not null
        {% endfor %}
    ) as found
    where octet_length(found.key) <= {{ var('max_listed_bytes') }}
)

select
    pairs.tenant_id,
    pairs.user_id,
    pairs.event_type,
    pairs.key,
    pairs.value,
    hashtextextended(pairs.value, 0) as value_hash
from pairs
