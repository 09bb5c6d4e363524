{# The tenants' hours (UTC) with events of pending applies, or of the rebuild. #}
{% macro touched_hours() -%}
    select distinct
        int_touched_hours.tenant_id,
        int_touched_hours.event_hour
    from {{ ref('int_touched_hours') }} as int_touched_hours
    where {{ is_touched('int_touched_hours') }}
{%- endmacro %}


{# The same by day. #}
{% macro touched_days() -%}
    select distinct
        int_touched_hours.tenant_id,
        (int_touched_hours.event_hour at time zone 'UTC')::date as event_date
    from {{ ref('int_touched_hours') }} as int_touched_hours
    where {{ is_touched('int_touched_hours') }}
{%- endmacro %}


{% macro is_touched(int_touched_hours) -%}
    {{ in_rebuild(int_touched_hours, 'event_hour') if is_rebuild()
        else is_pending(int_touched_hours) }}
{%- endmacro %}
