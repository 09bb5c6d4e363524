{#
Whether a text matches a type that feeds declare for attributes. Strict, because
Postgres's own casts also accept 'now', 'infinity', 'NaN' and the locale's 01/02/2025.
Numerics are limited to 15,000 characters to leave room for sums: Postgres fails a
statement whose result has more than 131,072 digits before the point.
#}
{% macro is_valid_attribute(value, type) -%}
    case {{ type }}
        when 'integer'
            then {{ value }} ~ '^-?[0-9]+$' and pg_input_is_valid({{ value }}, 'bigint')
        when 'numeric'
            then {{ value }} ~ '^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?$'
                and octet_length({{ value }}) <= 15000
        when 'boolean' then lower({{ value }}) in ('true', 'false', 't', 'f', '1', '0')
        when 'timestamp' then {{ cast_time(value, "'iso8601'") }} is not null
        when 'date'
            then {{ value }} ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
                and pg_input_is_valid({{ value }}, 'date')
        when 'json'
            then case
                when {{ is_nested_too_deep(value) }} then false
                else pg_input_is_valid({{ value }}, 'jsonb')
            end
        else true
    end
{%- endmacro %}
