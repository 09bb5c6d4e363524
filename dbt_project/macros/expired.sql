{# The first day (UTC) whose events are kept, as text; none if no event has expired. #}
{% macro events_horizon() -%}
    {%- if execute -%}
        {{ return(run_query('select ledger.events_horizon()::text').columns[0][0]) }}
    {%- endif -%}
{%- endmacro %}


{#
Refuses to empty a model that could not be refilled because its source rows have
expired. `occasion` names the model and why it would be emptied.
#}
{% macro require_nothing_expired(occasion=none) -%}
    {%- set reason = run_query('select ledger.why_no_full_refresh()').columns[0][0] -%}
    {% if reason -%}
        {% do exceptions.raise_compiler_error(
            occasion ~ '; ' ~ reason if occasion else reason) %}
    {%- endif %}
{%- endmacro %}


{#
Notes for a model created after events have expired, or sessions were deleted with a
user, that it never had them, so that verify does not expect them.
#}
{% macro record_removals_before() -%}
    {% call statement('lacks') -%}
        update ledger.models set lacks_removal_id = (
            select coalesce(max(removal_id), 0) from ledger.removed_rows
        )
        where model = '{{ this.identifier }}'
    {%- endcall %}
{%- endmacro %}
