{# The counts of the marts of a tenant's events, summed from the rows of a finer one. #}
{% macro tenant_counts(finer) -%}
    sum({{ finer }}.event_count)::bigint as event_count,
    sum({{ finer }}.weighted_count)::bigint as weighted_count,
    {%- for what in ['device', 'session'] %}
        sketch.distinct_count(
            sketch.merge({{ finer }}.{{ what }}_sketch)
        ) as {{ what }}_count,
    {%- endfor %}
    sketch.merge({{ finer }}.device_sketch) as device_sketch,
    sketch.merge({{ finer }}.session_sketch) as session_sketch
{%- endmacro %}
