{# The text of an attribute by its path, such as actor.login; null if there is none. #}
{% macro attribute_text(attributes, path) -%}
    ({{ attributes }} #>> string_to_array({{ path }}, '.'))
{%- endmacro %}
