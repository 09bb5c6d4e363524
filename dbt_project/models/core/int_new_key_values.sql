{{ config(
    materialized='batch',
    contract={'enforced': false},
    upstreams=['int_event_batch', 'int_repeats'],
    planner_off=['enable_sort'],
) }}
{#
Grain: one row per apply, tenant, event type, key and value that the batch has events of;
values that will not be kept are counted together, under null. A value is kept if its hash
is among the smallest of its tenant's key. Which that can't be is known before the values
are counted: from those that are kept, and from every 64th event. So of a key that is
different in each event hardly one value is looked at twice.
#}
{%- set kept = kept_relation('fct_key_values') %}
with

int_new_events as (
    select
        int_new_events.*,
        coalesce(int_new_events.event_type, '') as type_or_none
    from {{ ref('int_new_events') }} as int_new_events
),

sampled as (
    select distinct
        events.tenant_id,
        key_values.key,
        hashtextextended(key_values.value, 0) as value_hash
    from int_new_events as events
    cross join lateral {{ key_values('events') }} as key_values (key, value)
    where
        mod(events.line_number, 64) = 0
        and key_values.value <> ''
        and octet_length(key_values.value) <= {{ var('max_listed_bytes') }}
    {%- if kept %}
    union
    select
        kept.tenant_id,
        kept.key,
        kept.value_hash
    from {{ kept }} as kept
    {%- endif %}
),

bounds as (
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
),

counted as (
    select
        events.apply_id,
        events.tenant_id,
        events.type_or_none as event_type,
        key_values.key,
        case
            when
                key_values.value <> ''
                and octet_length(key_values.value) <= {{ var('max_listed_bytes') }}
                and (
                    bounds.bound is null
                    or hashtextextended(key_values.value, 0) <= bounds.bound
                )
                then key_values.value
        end as value
    from int_new_events as events
    cross join lateral {{ key_values('events') }} as key_values (key, value)
    left join bounds
        on
            events.tenant_id = bounds.tenant_id
            and key_values.key = bounds.key
    where
        key_values.value is not null
        and octet_length(key_values.key) <= {{ var('max_listed_bytes') }}
)

select
    counted.apply_id,
    counted.tenant_id,
    counted.event_type,
    counted.key,
    counted.value,
    count(*) as event_count
from counted
group by 1, 2, 3, 4, 5
