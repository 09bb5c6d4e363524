{#
A rebuild makes the rows of some days anew from the events that are kept, for every model
whose config says `rebuilt_by`: the column of its rows' time, or visitor_key
(visitors_in_rebuild.sql). `warehouse rebuild` starts one; it runs with the variable
is_rebuild and writes down which days, and whose, in ledger.rebuilds.
#}
{% macro is_rebuild() -%}
    {{ return(var('is_rebuild', false)) }}
{%- endmacro %}


{# The rebuild that runs: its id, and whether it is of one tenant only. #}
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
The condition that a row is of the days, and the tenant, that are made anew; as comparisons
with constants, which the planner can match with an index and prune partitions by.
    column  a date or a timestamptz
    unit    what the row counts as a whole, if more than a day: week or month
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
            -- A week that an expiry has cut in two keeps what it counted when it was
            -- whole.
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
