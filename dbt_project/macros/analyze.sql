{# Analyzes a relation, or only the columns in its `planned_by`. #}
{% macro analyze(relation) -%}
    {% call statement('analyze') -%}
        analyze {{ relation }}
        {%- if config.get('planned_by') %} ({{ config.get('planned_by') | join(', ') }}) {%- endif %}
    {%- endcall %}
{%- endmacro %}
