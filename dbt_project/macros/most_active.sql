{#
The users, say, with the most events of each tenant and day. Days with new events are
ranked again from the fact, because a truncated list can't be added to. Ties are ordered
by id.
    what         user, entity or device: the dimension has its key and its id
    counted_in   fact of their events by day
    named_in     the dimension
#}
{% macro most_active(what, counted_in, named_in) -%}
    with

    touched as (
        {{ touched_days() }}
    ),

    counted as (
        select
            fact.tenant_id,
            fact.event_date,
            fact.{{ what }}_key,
            sum(fact.event_count)::bigint as event_count
        from touched
        inner join {{ ref(counted_in) }} as fact using (tenant_id, event_date)
        where fact.{{ what }}_key <> 0
        group by 1, 2, 3
    ),

    named as (
        select
            counted.tenant_id,
            counted.event_date,
            row_number() over (
                partition by counted.tenant_id, counted.event_date
                order by counted.event_count desc, dimension.{{ what }}_id asc
            )::integer as activity_rank,
            dimension.{{ what }}_id,
            counted.event_count
        from counted
        inner join {{ ref(named_in) }} as dimension using (tenant_id, {{ what }}_key)
    )

    select * from named
    where named.activity_rank <= {{ var('most_active_count') }}
{%- endmacro %}
