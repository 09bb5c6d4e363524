{#
The Monday of the week (UTC) of a day or time, as an expression that can be indexed.

An index that begins with the visitor scatters the rows of visitors: with a hundred
times the history, nearly each new row changes a page of its own. In an index that
begins with the week they are adjacent, however long the history is.
#}
{% macro week_of_date(date) -%}
    date_trunc('week', {{ date }}::timestamp)::date
{%- endmacro %}


{% macro week_of_time(time) -%}
    date_trunc('week', ({{ time }}) at time zone 'UTC')
{%- endmacro %}


{# A relation with the weeks that a time range overlaps, in its column `week`. #}
{% macro weeks_of(start, end, relation) -%}
    generate_series(
        {{ week_of_time(start) }}, {{ week_of_time(end) }}, interval '7 days'
    ) as {{ relation }} (week)
{%- endmacro %}
