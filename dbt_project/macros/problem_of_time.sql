{#
Why a feed's text is no time, or null if it is one. Strict, because timestamptz itself
also takes 'now', 'infinity' and the locale's 01/02/2025.
#}
{% macro problem_of_time(value, time_format) -%}
    case
        when {{ value }} is null then 'is missing'
        when {{ time_format }} <> 'iso8601' then
            case
                when {{ value }} !~ '^-?[0-9]{1,15}([.][0-9]{1,9})?$'
                    then 'is not a number of ' || replace({{ time_format }}, '_', ' ')
            end
        when
            {{ value }} not like all ({{ usual_iso8601_shapes() }})
            and {{ value }} !~ '{{ iso8601_pattern() }}'
            then 'is not ISO 8601'
        when not pg_input_is_valid({{ value }}, 'timestamptz') then 'is no such time'
    end
{%- endmacro %}


{# Date and time of day, then an offset or none, which is UTC. #}
{% macro iso8601_pattern() -%}
    ^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)? ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$
{%- endmacro %}


{# What most files have. A LIKE costs 0.02 us a row, the regular expression 2 us; what has
   such a shape and is a time for Postgres has its parts in the order of ISO 8601. #}
{% macro usual_iso8601_shapes() -%}
    {%- set shapes = [] -%}
    {%- for fraction in ['', '.___', '.______'] -%}
        {%- for offset in ['Z', '+__:__', '-__:__', ''] -%}
            {%- do shapes.append("'____-__-__T__:__:__" ~ fraction ~ offset ~ "'") -%}
        {%- endfor -%}
    {%- endfor -%}
    array[{{ shapes | join(', ') }}]
{%- endmacro %}
