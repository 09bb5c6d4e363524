{%- set timeout = "interval '" ~ var('session_timeout_minutes') ~ " minutes'" -%}
{%- set key = ['tenant_id', 'visitor_key', 'feed_id', 'session_id'] -%}
{%- set span = ['session_start', 'session_end'] -%}
{%- set is_found_by_visitor = "(session_id <> '' or duration_seconds > 86400)" -%}
{{ config(
    upstreams=['int_new_sessions', 'dim_event_types', 'dim_entities'],
    incremental_strategy='replace',
    unique_key=key,
    span=span,
    rebuilt_by='visitor_key',
    rebuilt_times=span,
    forgets={'visitor_key': 'delete'},
    indexes=[
        {
            'columns': [
                'tenant_id', '(' ~ week_of_time('session_end') ~ ')', 'visitor_key',
                'feed_id', 'session_id', 'session_end',
            ],
            'unique': true,
        },
        {'columns': ['session_start'], 'type': 'brin'},
    ],
    partial_indexes=[{
        'columns': key + ['session_end'],
        'where': is_found_by_visitor,
    }],
    meta={'made_with': 'longer than ' ~ var('session_timeout_minutes') ~ ' minutes'},
) }}
-- noqa: disable=LT02
-- Joins here are lateral or made by loops, whose lines it would have elsewhere.
{#
Grain: one row per session. New events can join sessions but never split one. So the
spans of the new events are merged with the stored sessions that they reach; no other
session changes, and no event is read again. Two stored sessions never reach each other,
so a new span itself reaches each session to be merged.

A session is found by the week of its end, which is close to what reaches it. Two kinds
have an index of their own: sessions by the producer's id are reached from any time, and
sessions of over a day may end long after.

A rebuild merges nothing with stored sessions, as it has all events of its visitors. A
session that began before the horizon stays, including its events after the horizon.
#}
{%- set horizon = events_horizon() if is_rebuild() else none %}
with

new_spans as (
    select
        int_new_sessions.*,
        case
            when int_new_sessions.session_id is null
                then int_new_sessions.session_start - {{ timeout }}
        end as reach_start,
        case
            when int_new_sessions.session_id is null
                then int_new_sessions.session_end + {{ timeout }}
        end as reach_end
    from {{ ref('int_new_sessions') }} as int_new_sessions
    where {{ is_pending('int_new_sessions') }}
),

-- Sessions that end within reach, and the next one, which may have begun within reach.
-- Sessions by id reach any time: their reach is null and has no weeks.
reached as (
    select distinct kept.*
    from new_spans
    cross join lateral (
        (
            select found.*
            from {{ weeks_of(
                'new_spans.reach_start', "new_spans.reach_end + interval '1 day'", 'weeks'
            ) }}
            cross join lateral (
                select * from {{ this }} as kept
                where
                    {{ week_of_time('kept.session_end') }} = weeks.week
                    and kept.tenant_id = new_spans.tenant_id
                    and kept.visitor_key = new_spans.visitor_key
                    and kept.feed_id = 0
                    and kept.session_id = ''
                    and kept.session_end >= new_spans.reach_start
                    and kept.session_end <= new_spans.reach_end + interval '1 day'
                -- A fence: the planner assumes a thousand weeks, and would otherwise
                -- search all weeks of the index.
                offset 0  -- noqa: AM09
            ) as found
        )
        union all
        (
            select * from {{ this }} as kept
            where
                {{ is_found_by_visitor }}
                and kept.tenant_id = new_spans.tenant_id
                and kept.visitor_key = new_spans.visitor_key
                and kept.feed_id = coalesce(new_spans.feed_id, 0)
                and kept.session_id = coalesce(new_spans.session_id, '')
                and (
                    new_spans.session_id is not null
                    or kept.session_end >= new_spans.reach_start
                )
        )
    ) as kept
    where
        (
            new_spans.session_id is not null
            or kept.session_start <= new_spans.reach_end
        )
        -- Evaluated once: an empty table needs no lookups.
        and {{ 'false' if is_rebuild() else
            '(select exists(select from ' ~ this ~ '))' }}
),

spans as (
    select
        new_spans.tenant_id,
        new_spans.visitor_key,
        new_spans.feed_id,
        new_spans.session_id,
        new_spans.session_start,
        new_spans.session_end,
        new_spans.event_count,
        new_spans.weighted_count,
        new_spans.entry_event_type,
        new_spans.entry_entity_id,
        new_spans.exit_event_type,
        new_spans.exit_entity_id
    from new_spans
    union all
    select
        reached.tenant_id,
        reached.visitor_key,
        nullif(reached.feed_id, 0) as feed_id,
        nullif(reached.session_id, '') as session_id,
        reached.session_start,
        reached.session_end,
        reached.event_count,
        reached.weighted_count,
        entry_event_types.event_type as entry_event_type,
        entry_entities.entity_id as entry_entity_id,
        exit_event_types.event_type as exit_event_type,
        exit_entities.entity_id as exit_entity_id
    from reached
    {% for end in ('entry', 'exit') -%}
        left join {{ ref('dim_event_types') }} as {{ end }}_event_types
            on reached.{{ end }}_event_type_key = {{ end }}_event_types.event_type_key
        left join {{ ref('dim_entities') }} as {{ end }}_entities
            on reached.{{ end }}_entity_key = {{ end }}_entities.entity_key
    {% endfor -%}
),

-- Most are isolated and stay as they are; only the others are split and merged.
marked as (
    select
        spans.*,
        (
            lag(spans.visitor_key) over before is null
            or spans.session_id is null
            and spans.session_start > max(spans.session_end) over before + {{ timeout }}
        )
        and (
            lead(spans.visitor_key) over before is null
            or spans.session_id is null
            and lead(spans.session_start) over before
            > spans.session_end + {{ timeout }}
        ) as is_alone
    from spans
    window before as (
        partition by spans.visitor_key, spans.feed_id, spans.session_id
        order by spans.session_start
        rows between unbounded preceding and 1 preceding
    )
),

points as (
    select
        marked.tenant_id,
        marked.visitor_key,
        marked.feed_id,
        marked.session_id,
        ends.*
    from marked
    cross join lateral (
        values
        (
            marked.session_start, marked.entry_event_type, marked.entry_entity_id,
            1, marked.event_count, marked.weighted_count
        ),
        (
            marked.session_end, marked.exit_event_type, marked.exit_entity_id, -1, 0, 0
        )
    ) as ends (
        event_time, event_type, entity_id, opened, event_count, weighted_count
    )
    where not marked.is_alone
),

united as (
    select
        marked.visitor_key,
        marked.feed_id,
        marked.session_id,
        marked.tenant_id,
        marked.session_start,
        marked.session_end,
        marked.event_count,
        marked.weighted_count,
        marked.entry_event_type,
        marked.entry_entity_id,
        marked.exit_event_type,
        marked.exit_entity_id
    from marked
    where marked.is_alone
    union all
    (
        {{ session_spans('points', of=['visitor_key', 'feed_id', 'session_id']) }}
    )
)

select
    united.session_start,
    united.session_end,
    extract(epoch from united.session_end - united.session_start)::double precision
        as duration_seconds,
    united.event_count,
    united.weighted_count,
    united.visitor_key,
    coalesce(entry_event_types.event_type_key, 0) as entry_event_type_key,
    coalesce(entry_entities.entity_key, 0) as entry_entity_key,
    coalesce(exit_event_types.event_type_key, 0) as exit_event_type_key,
    coalesce(exit_entities.entity_key, 0) as exit_entity_key,
    coalesce(united.feed_id, 0)::smallint as feed_id,
    united.tenant_id,
    coalesce(united.session_id, '') as session_id
from united
{% for end in ('entry', 'exit') -%}
    left join {{ ref('dim_event_types') }} as {{ end }}_event_types
        on united.{{ end }}_event_type = {{ end }}_event_types.event_type
    left join {{ ref('dim_entities') }} as {{ end }}_entities
        on
            united.tenant_id = {{ end }}_entities.tenant_id
            and united.{{ end }}_entity_id = {{ end }}_entities.entity_id
{% endfor -%}
{%- if horizon %}
where not exists (
    select from {{ this }} as kept
    where
        kept.tenant_id = united.tenant_id
        and kept.visitor_key = united.visitor_key
        and kept.feed_id = coalesce(united.feed_id, 0)
        and kept.session_id = coalesce(united.session_id, '')
        and kept.session_start < '{{ horizon }} 00:00Z'
        and kept.session_end >= united.session_start
)
{%- endif %}
