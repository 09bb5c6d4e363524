{#
A rebuild recomputes the rows of some days from the kept events, for every model with
`rebuilt_by` in its config: the time column of its rows, or visitor_key
(visitors_in_rebuild.sql). `warehouse rebuild` starts one, with the variable is_rebuild,
and stores its days and tenant in ledger.rebuilds.
#}
{% macro is_rebuild() -%}
    {{ return(var('is_rebuild', false)) }}
{%- endmacro %}


{# The running rebuild: its id, and whether it is limited to one tenant. #}
{% macro running_rebuild() -%}
    {% set rows = run_query(
        "select rebuild_id, tenant_id is not null from ledger.rebuilds"
        ~ " where finished_at is null order by rebuild_id desc limit 1").rows %}
    {% if not rows -%}
        {% do exceptions.raise_compiler_error(
            'no rebuild has been asked for: start one by warehouse rebuild') %}
    {%- endif %}
    {{ return({'rebuild_id': rows[0][0], 'has_tenant': rows[0][1]}) }}
{%- endmacro %}


{#
The condition that a row belongs to the days, and the tenant, of the rebuild. It
compares with constants, so the planner can use indexes and prune partitions.
    column  a date or a timestamptz
    unit    what the row counts, if more than a day: week or month
#}
{% macro in_rebuild(relation, column, unit='day') -%}
    {%- if not execute -%} {{ return('true') }} {%- endif -%}
    {%- set rebuild = running_rebuild() -%}
    {% set query -%}
        select
            lower(whole),
            upper(whole)
        from unnest((
            select range_agg(daterange(
                date_trunc('{{ unit }}', lower(stretch)::timestamp)::date,
                (
                    date_trunc('{{ unit }}', upper(stretch)::timestamp - interval '1 day')
                    + interval '1 {{ unit }}'
                )::date
            ))
            -- A week that the horizon cuts in two keeps its original counts.
            * datemultirange(daterange((
                date_trunc('{{ unit }}', ledger.events_horizon() - interval '1 day')
                + interval '1 {{ unit }}'
            )::date, null))
            from ledger.rebuilds
            cross join unnest(rebuilds.days) as stretch
            where rebuild_id = {{ rebuild.rebuild_id }}
        )) as whole
    {%- endset %}
    {%- set conditions = [] -%}
    {%- for row in run_query(query).rows -%}
        {%- do conditions.append(
            relation ~ '.' ~ column ~ " >= '" ~ row[0] ~ " 00:00Z' and "
            ~ relation ~ '.' ~ column ~ " < '" ~ row[1] ~ " 00:00Z'") -%}
    {%- endfor -%}
    ({{ conditions | join(' or ') or 'false' }})
    {%- if rebuild.has_tenant %}
        and {{ relation }}.tenant_id = (
            select tenant_id from ledger.rebuilds
            where rebuild_id = {{ rebuild.rebuild_id }}
        )
    {%- endif -%}
{%- endmacro %}
