{#
The Monday of a day's week, or of a time's (UTC), as an expression that an index can have.

Rows of visitors are scattered over an index that begins with the visitor: of a history a
hundred times as long, new ones change nearly each its own page. In one that begins with the
week they are side by side, however long the history is.
#}
{% macro week_of_date(date) -%}
    date_trunc('week', {{ date }}::timestamp)::date
{%- endmacro %}


{% macro week_of_time(time) -%}
    date_trunc('week', ({{ time }}) at time zone 'UTC')
{%- endmacro %}


{# A relation of the weeks that a stretch of time reaches into, in its column `week`. #}
{% macro weeks_of(start, end, relation) -%}
    generate_series(
        {{ week_of_time(start) }}, {{ week_of_time(end) }}, interval '7 days'
    ) as {{ relation }} (week)
{%- endmacro %}
