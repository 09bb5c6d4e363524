{#
Why a text is not a valid time; null if it is one, even one outside Postgres's range.
#}
{% macro problem_of_time(value, time_format) -%}
    case
        when {{ value }} is null then 'is missing'
        when {{ time_format }} = 'version_number' then
            case
                when {{ value }} !~ '{{ version_pattern() }}'
                    then 'is not a whole number of at most 15 digits'
            end
        when {{ time_format }} <> 'iso8601' then
            case
                when {{ value }} !~ '{{ epoch_pattern() }}'
                    then 'is not a number of ' || replace({{ time_format }}, '_', ' ')
            end
        when not {{ is_iso8601(value) }} then 'is not ISO 8601'
        when not pg_input_is_valid({{ value }}, 'timestamptz') then 'is not a valid time'
    end
{%- endmacro %}
