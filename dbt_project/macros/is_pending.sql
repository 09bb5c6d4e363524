{#
True for rows of applies that the model being run has yet to process:

    select ... from {{ ref('events') }} as events where {{ is_pending('events') }}

A macro, so that unit tests can override it. `event_time: true` is for tables
partitioned by event_time and prunes partitions.
#}
{% macro is_pending(relation, event_time=false) -%}
    ledger.is_pending({{ relation }}.apply_id {%- if event_time %}, {{ relation }}.event_time {%- endif %})
{%- endmacro %}
