{# How many rows of a table of analytics are gone, as a column of the table's name. #}
{% macro removed_rows_of(identifier) -%}
    coalesce(sum(removed_rows.row_count) filter (
        where removed_rows.table_name = 'analytics.{{ identifier }}'
    ), 0)::bigint as {{ identifier }}
{%- endmacro %}
