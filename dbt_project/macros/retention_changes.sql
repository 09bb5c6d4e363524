{#
What new days of visitors change in the counts of a cohort's visitors by day or week:
1 where a visitor comes for the first time in it; and where late events show that a visitor
first came in an earlier one, all that is known of the visitor moves to that cohort.
    period  day or week
    cohort  column of the first day, or the Monday of its week
    at      column of the day with events, or the Monday of its week
#}
{% macro retention_changes(period, cohort, at) -%}
    with

    new_days as (
        select * from {{ ref('fct_visitor_activity_daily') }} as new_days
        where {{ is_pending('new_days') }}
    ),

    visitors as (
        select
            new_days.tenant_id,
            new_days.visitor_key,
            -- The latest, as the first of these applies had it: null if it knew none.
            case
                when bool_and(new_days.known_first_date is not null)
                    then max(new_days.known_first_date)
            end as known_first_date,
            least(min(new_days.known_first_date), min(new_days.event_date)) as first_date
        from new_days
        group by 1, 2
    ),

    changes as (
        select
            new_days.tenant_id,
            {{ _start_of(period, 'visitors.first_date') }} as {{ cohort }},
            {{ _start_of(period, 'new_days.event_date') }} as {{ at }},
            1 as change
        from new_days
        inner join visitors using (tenant_id, visitor_key)
        {%- if period == 'week' %}
            where not new_days.is_known_week
        {%- endif %}
        union all
        select
            kept.tenant_id,
            {{ _start_of(period, 'moved.first_date') }} as {{ cohort }},
            {{ _start_of(period, 'kept.event_date') }} as {{ at }},
            moved.change
        from visitors
        cross join lateral (
            values (visitors.known_first_date, -1), (visitors.first_date, 1)
        ) as moved (first_date, change)
        inner join {{ ref('fct_visitor_activity_daily') }} as kept
            on
                visitors.tenant_id = kept.tenant_id
                and visitors.visitor_key = kept.visitor_key
        where
            visitors.first_date < visitors.known_first_date
            and not {{ is_pending('kept') }}
            {%- if period == 'week' %}
                and not kept.is_known_week
            {%- endif %}
    )

    select
        changes.tenant_id,
        changes.{{ cohort }},
        changes.{{ at }},
        sum(changes.change)::bigint as visitor_count
    from changes
    group by 1, 2, 3
    having sum(changes.change) <> 0
{%- endmacro %}


{% macro _start_of(period, date) -%}
    {%- if period == 'week' -%}
        date_trunc('week', {{ date }}::timestamp)::date
    {%- else -%}
        {{ date }}
    {%- endif -%}
{%- endmacro %}
