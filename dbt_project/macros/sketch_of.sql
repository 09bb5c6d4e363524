{# The sketch of a group's values (plugins/event_warehouse/migrations). #}
{% macro sketch_of(value) -%}
    coalesce(
        sketch.of(
            array_agg(sketch.hash({{ value }})) filter (where {{ value }} is not null)
        ),
        '{}'
    )
{%- endmacro %}
