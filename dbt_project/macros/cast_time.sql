{# The time that a text means, by its feed's format; null if it is none. Strict, because
   timestamptz itself also takes 'now', 'infinity' and the locale's 01/02/2025. #}
{% macro cast_time(value, time_format) -%}
    case
        when {{ time_format }} = 'iso8601' then
            case
                when {{ is_iso8601(value) }} and pg_input_is_valid({{ value }}, 'timestamptz')
                    then {{ value }}::timestamptz
            end
        {#- As microseconds, so that versions such as 20260101120000 are in range. #}
        when {{ time_format }} = 'version_number' then
            case
                when {{ value }} ~ '{{ version_pattern() }}'
                    then to_timestamp({{ value }}::double precision / 1000000)
            end
        when {{ value }} ~ '{{ epoch_pattern() }}' then
            case
                {#- The times that Postgres has: 4713 BC to 294276 AD. #}
                when {{ epoch_seconds(value, time_format) }} between -2.1e11 and 9.2e12
                    then to_timestamp({{ epoch_seconds(value, time_format) }})
            end
    end
{%- endmacro %}


{% macro version_pattern() -%}
    ^-?[0-9]{1,15}$
{%- endmacro %}


{% macro epoch_pattern() -%}
    ^-?[0-9]{1,15}([.][0-9]{1,9})?$
{%- endmacro %}


{% macro epoch_seconds(value, time_format) -%}
    {{ value }}::double precision
    / case {{ time_format }} when 'epoch_milliseconds' then 1000 else 1 end
{%- endmacro %}


{# Date and time of day, then an offset or none, which is UTC. Most files have one of a few
   shapes: comparing with these, each digit a 9, costs 0.9 us a row, the regular expression
   2 us. #}
{% macro is_iso8601(value) -%}
    {%- set shapes = [] -%}
    {%- for fraction in ['', '.999', '.999999'] -%}
        {%- for offset in ['Z', '+99:99', '-99:99', ''] -%}
            {%- do shapes.append("'9999-99-99T99:99:99" ~ fraction ~ offset ~ "'") -%}
        {%- endfor -%}
    {%- endfor -%}
    (
        translate({{ value }}, '012345678', '999999999') in ({{ shapes | join(', ') }})
        or {{ value }} ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)? ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$'
    )
{%- endmacro %}
