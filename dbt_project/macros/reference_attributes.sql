{# All fields of a reference record; its event fields, if any, become attributes. #}
{% macro reference_attributes(record) -%}
    (jsonb_strip_nulls(jsonb_build_object(
        {% for field in var('identity_fields') if field != 'entity_id' -%}
            '{{ field }}', {{ record }}.{{ field }} {{- ', ' if not loop.last }}
        {% endfor -%}
    )) || coalesce({{ record }}.attributes, '{}'))
{%- endmacro %}
