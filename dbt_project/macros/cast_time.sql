{#
The time in a text, in the feed's format; null if it is not valid. Strict, because
timestamptz also accepts 'now', 'infinity' and the locale's 01/02/2025.
#}
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
                {#- The range of Postgres: 4713 BC to 294276 AD. #}
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


{#
Whether a text has the form of ISO 8601: date and time of day, then an offset, or none
for UTC. To be used together with pg_input_is_valid.

A regular expression gets slower with its number of states: this one takes 1.5 us. So
most times, which end in Z, are recognized by a pattern with fixed positions, at 0.1 us,
and an expression with few states, at 0.25 us. These also accept, say, a colon within
the year, but no such text is a valid timestamptz.
#}
{% macro is_iso8601(value) -%}
    (
        (
            {{ value }} like '____-__-__T__:__:__Z'
            or {{ value }} like '____-__-__T__:__:__.___Z'
            or {{ value }} like '____-__-__T__:__:__.______Z'
        )
        and {{ value }} ~ '^([0-9]+[-T:.Z])+$'
        and {{ value }} not like '%Z%Z'
        or {{ value }} ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)? ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$'
    )
{%- endmacro %}
