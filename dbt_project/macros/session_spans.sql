{#
Combines points in time into spans without a gap longer than the timeout. Grain: one row
per span, with the event type and entity of its first and last point.
    points  relation with tenant_id, event_time, event_type, entity_id, event_count,
            weighted_count, the columns of `of`, and `opened`: 0 for an event, 1 at the
            start of a known span, -1 at its end; gaps within a known span don't count
    of      columns that identify whose points they are, including session_id; where
            that is not null, no gap counts

Points with the same time are ordered by type and entity, so the order of arrival makes
no difference. It takes one sort: counts are differences of running sums between a
span's first and last point, which a group by would have to search for again.
#}
{% macro session_spans(points, of) -%}
    {%- set timeout = "interval '" ~ var('session_timeout_minutes') ~ " minutes'" -%}
    {%- set whose = of | join(', ') -%}
    {%- set in_order = 'event_time, event_type nulls first, entity_id nulls first' -%}
    select
        {{ whose }},
        tenant_id,
        event_time as session_start,
        case when is_last then event_time else last_time end as session_end,
        case when is_last then event_count
            else last_events_so_far - events_so_far + event_count
        end::bigint as event_count,
        case when is_last then weighted_count
            else last_weight_so_far - weight_so_far + weighted_count
        end::bigint as weighted_count,
        event_type collate "default" as entry_event_type,
        entity_id collate "default" as entry_entity_id,
        case when is_last then event_type else last_event_type end
        collate "default" as exit_event_type,
        case when is_last then entity_id else last_entity_id end
        collate "default" as exit_entity_id
    from (
        select
            *,
            lead(event_time) over following as last_time,
            lead(events_so_far) over following as last_events_so_far,
            lead(weight_so_far) over following as last_weight_so_far,
            lead(event_type) over following as last_event_type,
            lead(entity_id) over following as last_entity_id
        from (
            select
                *,
                previous_time is null
                or session_id is null
                and event_time > previous_time + {{ timeout }}
                and open_spans = opened as is_first,
                next_time is null
                or session_id is null
                and next_time > event_time + {{ timeout }}
                and open_spans = 0 as is_last
            from (
                select
                    *,
                    lag(event_time) over before as previous_time,
                    lead(event_time) over before as next_time,
                    sum(event_count) over before as events_so_far,
                    sum(weighted_count) over before as weight_so_far,
                    sum(opened) over before as open_spans
                from (
                    select
                        {{ whose }},
                        tenant_id,
                        event_time,
                        event_type collate "C" as event_type,
                        entity_id collate "C" as entity_id,
                        opened,
                        event_count,
                        weighted_count
                    from {{ points }}
                ) as points
                window before as (
                    partition by {{ whose }} order by {{ in_order }}
                    rows unbounded preceding
                )
            ) as summed
        ) as marked
        where is_first or is_last
        window following as (partition by {{ whose }} order by {{ in_order }})
    ) as ends
    where is_first
{%- endmacro %}
