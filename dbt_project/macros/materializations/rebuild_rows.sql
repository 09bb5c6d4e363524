{#
Recomputes the rows of a rebuild's days. Only rows that differ are written, so correct
days don't change, and readers see the wrong rows until all of them are corrected.

The model's applies stay the same: events of others are added by the next run.
#}
{% macro rebuild_rows(relation) -%}
    {%- set columns = model.columns.keys() | join(', ') -%}
    {%- set rebuilt_by = config.get('rebuilt_by') -%}
    {%- set kept_rows -%}
        {{ relation }} as kept
        where
            {{ of_rebuilt_visitors('kept', config.require('rebuilt_times'))
                if rebuilt_by == 'visitor_key'
                else in_rebuild('kept', rebuilt_by, config.get('rebuilt_unit', 'day')) }}
    {%- endset -%}
    {% do begin_model(config.require('upstreams')) %}
    {% do require_rebuilt_batches(config.require('upstreams')) %}
    {%- set applies = run_query(
        "select ledger.applied('" ~ this.identifier ~ "')::text").columns[0][0] -%}
    {% do create_fresh(with_pinned_calls(sql, applies)) %}
    {% call statement('delete') -%}
        with stale as (
            select kept.ctid as place
            from (select kept.ctid, row({{ columns }}) as content from {{ kept_rows }}) as kept
            where not exists (
                select from (
                    select row({{ columns }}) as content from {{ this.identifier }}__fresh
                ) as fresh
                where fresh.content = kept.content
            )
        )

        delete from {{ relation }} as kept using stale where kept.ctid = stale.place
    {%- endcall %}
    {% call statement('main') -%}
        insert into {{ relation }} ({{ columns }})
        select {{ columns }} from {{ this.identifier }}__fresh
        except
        select {{ columns }} from {{ kept_rows }}
    {%- endcall %}
{%- endmacro %}


{# Refuses a batch that another run has created in the meantime. #}
{% macro require_rebuilt_batches(upstreams) -%}
    {% set query -%}
        select batches.model
        from ledger.batches
        where
            batches.model in ('{{ upstreams | join("', '") }}')
            and batches.rebuild_id is distinct from {{ running_rebuild().rebuild_id }}
    {%- endset %}
    {% for row in run_query(query).rows -%}
        {% do exceptions.raise_compiler_error(
            row[0] ~ ' was made by another run while days were rebuilt; do it again') %}
    {%- endfor %}
{%- endmacro %}
