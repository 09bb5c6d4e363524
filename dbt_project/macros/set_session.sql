{# How a model's transaction reads times, and how much memory its sorts may take. #}
{% macro set_session() -%}
    {% call statement('session') -%}
        set local timezone to 'UTC';
        set local work_mem to '{{ var("work_mem") }}'
    {%- endcall %}
{%- endmacro %}
