{# How many rows were removed from a table of analytics, as a column named after it. #}
{% macro removed_rows_of(identifier) -%}
    coalesce(sum(removed_rows.row_count) filter (
        where removed_rows.table_name = 'analytics.{{ identifier }}'
    ), 0)::bigint as {{ identifier }}
{%- endmacro %}
