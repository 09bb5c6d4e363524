{#
What new visitor-days change in the visitor counts of cohorts, by day or week: 1 for a
visitor's first time in that day or week. If late events make a visitor's first day
earlier, all known days of the visitor move to the other cohort.
    period  day or week
    cohort  column of the first day, or the Monday of its week
    at      column of the day with events, or the Monday of its week
#}
{% macro retention_changes(period, cohort, at) -%}
    {%- if is_rebuild() -%}
        {{ return(_retention_of_rebuild(period, cohort, at)) }}
    {%- endif -%}
    with

    new_days as (
        select * from {{ ref('fct_visitor_activity_daily') }} as new_days
        where {{ is_pending('new_days') }}
    ),

    visitors as (
        select
            new_days.tenant_id,
            new_days.visitor_key,
            -- The latest, as known to the first of these applies; null if there was
            -- none.
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
        -- Week by week, as in the index of visitors' days.
        cross join lateral generate_series(
            {{ week_of_date('visitors.known_first_date') }}::timestamp,
            (
                select max({{ week_of_date('latest.event_date') }})
                from {{ ref('fct_visitor_activity_daily') }} as latest
                where latest.tenant_id = visitors.tenant_id
            )::timestamp,
            interval '7 days'
        ) as weeks (week)
        inner join {{ ref('fct_visitor_activity_daily') }} as kept
            on
                visitors.tenant_id = kept.tenant_id
                and visitors.visitor_key = kept.visitor_key
                and weeks.week::date = {{ week_of_date('kept.event_date') }}
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
        {{ week_of_date(date) }}
    {%- else -%}
        {{ date }}
    {%- endif -%}
{%- endmacro %}


{#
The correct counts for a rebuild's days or weeks: visitors with events in them, by their
first day.
#}
{% macro _retention_of_rebuild(period, cohort, at) -%}
    select
        active.tenant_id,
        {{ _start_of(period, 'first_days.first_date') }} as {{ cohort }},
        active.{{ at }},
        count(*) as visitor_count
    from (
        select distinct
            activity.tenant_id,
            activity.visitor_key,
            {{ _start_of(period, 'activity.event_date') }} as {{ at }}
        from {{ ref('fct_visitor_activity_daily') }} as activity
        where
            {{ is_pending('activity') }}
            and {{ in_rebuild('activity', 'event_date', unit=period) }}
    ) as active
    cross join lateral (
        select min(known.event_date) as first_date
        from {{ ref('fct_visitor_activity_daily') }} as known
        where
            known.tenant_id = active.tenant_id
            and known.visitor_key = active.visitor_key
            and {{ is_before_known('known') }}
            and {{ is_pending('known') }}
    ) as first_days
    group by 1, 2, 3
{%- endmacro %}


{#
True for visitor-days earlier than all that previous applies knew of the visitor. The
visitor's very first day is among them.
#}
{% macro is_before_known(days) -%}
    ({{ days }}.known_first_date is null or {{ days }}.event_date < {{ days }}.known_first_date)
{%- endmacro %}
