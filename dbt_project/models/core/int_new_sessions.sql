{{ config(
    materialized='batch',
    contract={'enforced': false},
    upstreams=['int_keyed_events'],
) }}
{#
Grain: one row per apply, visitor, day (UTC) and session that the batch's events make among
themselves. A visitor is the user, or where an event names none the device; events of
neither belong to no session. Cut at midnight so that the days of each visitor can be read
from it, too; fct_sessions puts the parts together.

A session goes beyond a rebuild's days, so a rebuild has all events that are kept of the
visitors that the days have anything of, rightly or wrongly.
#}
{%- set events = ref('int_keyed_events') %}
{%- if is_rebuild() -%}
    {%- set events = '(' ~ keyed_events(kept_relation('events')) ~ ')' %}
{%- endif %}
{%- set visitors = ['visitor_key', 'feed_id', 'session_id', 'apply_id', 'event_date'] %}
with

-- Not materialized: parallel workers could not read it.
applies_with_ids as not materialized (
    select int_applies.apply_id
    from {{ ref('int_applies') }} as int_applies
    where
        int_applies.has_sessions_by_id
        and {{ 'true' if is_rebuild() else is_pending('int_applies') }}
),

events_of_visitors as not materialized (
    select
        new_events.apply_id,
        new_events.tenant_id,
        new_events.visitor_key,
        new_events.session_id is not null
        and new_events.apply_id in (
            select applies_with_ids.apply_id from applies_with_ids
        ) as is_session_by_id,
        new_events.feed_id,
        new_events.session_id,
        new_events.event_date,
        new_events.event_time,
        new_events.event_type,
        new_events.entity_id,
        0 as opened,
        1 as event_count,
        new_events.sample_rate as weighted_count
    from {{ events }} as new_events
    where
        {{ 'true' if is_rebuild() else is_pending('new_events') }}
        and new_events.visitor_key <> 0
),

points as not materialized (
    select * from events_of_visitors
    {% if is_rebuild() -%}
        where (events_of_visitors.tenant_id, events_of_visitors.visitor_key) in (
            select
                rebuilt.tenant_id,
                rebuilt.visitor_key
            from events_of_visitors as rebuilt
            where {{ in_rebuild('rebuilt', 'event_time') }}
            union all
            {{ visitors_in_rebuild(
                kept_relation('fct_sessions'), ['session_start', 'session_end']
            ) }}
            union all
            {{ visitors_in_rebuild(
                kept_relation('fct_visitor_activity_daily'), ['event_date']
            ) }}
        )
    {%- endif %}
),

-- Events of several feeds may share one. The nulls are constants: nothing has to be
-- sorted by them.
points_by_inactivity as (
    select
        points.visitor_key,
        null::smallint as feed_id,
        null::text as session_id,
        points.apply_id,
        points.event_date,
        points.tenant_id,
        points.event_time,
        points.event_type,
        points.entity_id,
        points.opened,
        points.event_count,
        points.weighted_count
    from points
    where not points.is_session_by_id
),

points_by_id as (
    select points.*
    from points
    where
        points.is_session_by_id
        -- Asked once: mostly there are none, and the events are not read for them.
        and (select exists(select from applies_with_ids))
)

(
    {{ session_spans('points_by_inactivity', of=visitors) }}
)
union all
(
    {{ session_spans('points_by_id', of=visitors) }}
)
