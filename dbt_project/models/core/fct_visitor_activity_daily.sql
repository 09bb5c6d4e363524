{{ config(
    upstreams=['int_new_sessions'],
    rebuilt_by='visitor_key',
    rebuilt_times=['event_date'],
    forgets={'visitor_key': 'delete'},
    indexes=[{
        'columns': [
            'tenant_id', '(' ~ week_of_date('event_date') ~ ')', 'visitor_key', 'event_date',
        ],
        'unique': true,
    }],
    partial_indexes=[{
        'columns': ['tenant_id', 'visitor_key', 'event_date'],
        'where': is_before_known('fct_visitor_activity_daily'),
    }],
) }}
-- noqa: disable=LT02
-- It takes lateral for a table's name.
{#
Grain: one row per visitor and day (UTC) with events, added by the apply with the first
of them. Each row states what earlier applies knew of the visitor, so retention can be
added up from new rows, also late ones, and rows never change. A visitor's very first
day is among the few rows that are earlier than what was known.

A rebuild has all events of its visitors; only for days before the horizon it reads the
stored rows.
#}
{%- set horizon = events_horizon() if is_rebuild() else none %}
with

days as (
    select
        int_new_sessions.tenant_id,
        int_new_sessions.visitor_key,
        int_new_sessions.event_date,
        {{ week_of_date('int_new_sessions.event_date') }} as event_week,
        min(int_new_sessions.apply_id) as apply_id
    from {{ ref('int_new_sessions') }} as int_new_sessions
    where {{ is_pending('int_new_sessions') }}
    group by 1, 2, 3, 4
    {%- if horizon %}
        union all
        select
            kept.tenant_id,
            kept.visitor_key,
            kept.event_date,
            {{ week_of_date('kept.event_date') }} as event_week,
            kept.apply_id
        from {{ this }} as kept
        where
            kept.event_date < '{{ horizon }}'
            and (kept.tenant_id, kept.visitor_key) in (
                select
                    int_new_sessions.tenant_id,
                    int_new_sessions.visitor_key
                from {{ ref('int_new_sessions') }} as int_new_sessions
            )
    {%- endif %}
),

known as (
    select
        days.visitor_key,
        days.event_date,
        first_day.first_date,
        same_week.is_known_week,
        same_week.is_known_day
    from days
    cross join lateral (
        select kept.event_date as first_date from {{ this }} as kept
        where
            kept.tenant_id = days.tenant_id
            and kept.visitor_key = days.visitor_key
            and {{ is_before_known('kept') }}
        order by 1
        limit 1
    ) as first_day
    cross join lateral (
        select
            count(*) > 0 as is_known_week,
            coalesce(bool_or(kept.event_date = days.event_date), false) as is_known_day
        from {{ this }} as kept
        where
            kept.tenant_id = days.tenant_id
            and kept.visitor_key = days.visitor_key
            and {{ week_of_date('kept.event_date') }} = days.event_week
    ) as same_week
    -- Evaluated once: an empty table needs no lookups.
    where {{ 'false' if is_rebuild() else
        '(select exists(select from ' ~ this ~ '))' }}
),

new_rows as (
    select
        days.apply_id,
        days.visitor_key,
        days.event_date,
        least(
            known.first_date,
            min(days.event_date) over (
                partition by days.visitor_key
                order by days.apply_id
                groups between unbounded preceding and 1 preceding
            )
        ) as known_first_date,
        coalesce(known.is_known_week, false)
        or row_number() over (
            partition by days.visitor_key, days.event_week
            order by days.apply_id, days.event_date
        ) > 1 as is_known_week,
        days.tenant_id
    from days
    left join known using (visitor_key, event_date)
    where known.is_known_day is not true
)

select * from new_rows
{%- if horizon %}
    where new_rows.event_date >= '{{ horizon }}'
{%- endif %}
