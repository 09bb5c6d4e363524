{#
The event fields whose values GET /keys lists: ids are counted without their values, which
the dimensions have; names have few. An event's attributes are listed beside them.
#}
{%- macro listed_ids() -%}
    {{ return(['user_id', 'entity_id', 'session_id', 'device_id']) }}
{%- endmacro %}

{# Those that the buckets of the rollups count by already. #}
{%- macro listed_names_of_buckets() -%}
    {{ return(['event_type', 'country', 'browser']) }}
{%- endmacro %}

{%- macro other_listed_names() -%}
    {{ return(['platform', 'environment', 'service']) }}
{%- endmacro %}

{# A value if it is listed; null counts the others together. #}
{%- macro listed_value(value) -%}
    case
        when
            {{ value }} <> ''
            and octet_length({{ value }}) <= {{ var('max_listed_bytes') }}
            then {{ value }}
    end
{%- endmacro -%}
