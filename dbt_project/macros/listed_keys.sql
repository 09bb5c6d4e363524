{#
The event fields whose values GET /keys lists. Ids are counted without their values,
which the dimensions have; names have few values. Attributes are listed as well.
#}
{%- macro listed_ids() -%}
    {{ return(['user_id', 'entity_id', 'session_id', 'device_id']) }}
{%- endmacro %}

{# Those that the rollups' buckets are grouped by. #}
{%- macro listed_names_of_buckets() -%}
    {{ return(['event_type', 'country', 'browser']) }}
{%- endmacro %}

{%- macro other_listed_names() -%}
    {{ return(['platform', 'environment', 'service']) }}
{%- endmacro %}

{# A value if it is listed; null counts all others together. #}
{%- macro listed_value(value) -%}
    case
        when
            {{ value }} <> ''
            and octet_length({{ value }}) <= {{ var('max_listed_bytes') }}
            then {{ value }}
    end
{%- endmacro -%}
