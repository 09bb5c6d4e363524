{# The time that a text means whose problem_of_time is null. #}
{% macro cast_time(value, time_format) -%}
    case {{ time_format }}
        when 'iso8601' then {{ value }}::timestamptz
        when 'epoch_seconds' then to_timestamp({{ value }}::double precision)
        when 'epoch_milliseconds' then to_timestamp({{ value }}::double precision / 1000)
    end
{%- endmacro %}
