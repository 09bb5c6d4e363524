{# Statistics of a relation, or of the columns that its config says it is planned by. #}
{% macro analyze(relation) -%}
    {% call statement('analyze') -%}
        analyze {{ relation }}
        {%- if config.get('planned_by') %} ({{ config.get('planned_by') | join(', ') }}) {%- endif %}
    {%- endcall %}
{%- endmacro %}
