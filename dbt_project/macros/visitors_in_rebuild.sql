{#
The visitors with a row of a table in a rebuild's days.
    times  columns of the row's times, one of which has to be in these days
#}
{% macro visitors_in_rebuild(relation, times) -%}
    select
        listed.tenant_id,
        listed.visitor_key
    from {{ relation }} as listed
    where
        {% for column in times -%}
            ({{ in_rebuild('listed', column) }}) {{- ' or ' if not loop.last }}
        {%- endfor %}
{%- endmacro %}


{#
The condition that a row belongs to a visitor of the rebuild and counts only kept
events: rows that reach before the horizon don't change.
    times  columns of the row's times, the first of them first
#}
{% macro of_rebuilt_visitors(kept, times) -%}
    {%- set horizon = events_horizon() -%}
    (
        ({{ kept }}.tenant_id, {{ kept }}.visitor_key) in (
            select
                int_new_sessions.tenant_id,
                int_new_sessions.visitor_key
            from {{ ref('int_new_sessions') }} as int_new_sessions
        )
        or ({{ kept }}.tenant_id, {{ kept }}.visitor_key) in (
            {{ visitors_in_rebuild(this, times) }}
        )
    )
    {%- if horizon %}
        and {{ kept }}.{{ times[0] }} >= '{{ horizon }} 00:00Z'
    {%- endif -%}
{%- endmacro %}
