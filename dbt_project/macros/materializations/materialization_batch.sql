{#
A batch: the rows of the applies that some of its `consumers` have yet to take in, made
anew by each run and not logged. After a crash it is empty, and so is the ledger entry
that says what it holds; the next run makes it again. `planned_by` names the columns that
its consumers filter and join by, which the planner needs statistics of. It gives each new load its apply,
so applies are numbered in the order in which they are taken in.
#}
{% materialization batch, adapter='postgres' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('lock') -%}
        select pg_advisory_xact_lock(hashtextextended('model {{ this.identifier }}', 0))
    {%- endcall %}
    {% do set_session() %}
    {% do assign_applies() %}
    {%- set applies = pending_of_consumers(config.require('consumers')) -%}
    {%- set pinned_sql = with_pinned_loads(with_pinned_applies(sql, applies), applies) -%}
    {#- How many records a load has is a guess for the planner, and one that hides from it
        that a hash join, which can run in parallel, is right for many and for few. -#}
    {% call statement('plan') -%}
        set local enable_nestloop to off;
        set local parallel_setup_cost to 0;
        set local parallel_tuple_cost to 0
    {%- endcall %}
    {% call statement('drop') -%} drop table if exists {{ target_relation }} {%- endcall %}
    {% call statement('main') -%}
        create unlogged table {{ target_relation }} as {{ pinned_sql }}
    {%- endcall %}
    {% call statement('analyze') -%}
        analyze {{ target_relation }} ({{ config.require('planned_by') | join(', ') }})
    {%- endcall %}
    {% call statement('record') -%}
        insert into ledger.batches as batches (model, applies)
        values ('{{ this.identifier }}', '{{ applies }}')
        on conflict (model) do update set
            applies = excluded.applies,
            applied_at = now()
    {%- endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}


{# An apply for each load that has none, in the order of the loads. #}
{% macro assign_applies() -%}
    {% call statement('assign') -%}
        with assigned as (
            insert into ledger.applies (load_id)
            select load_id from ledger.loads_without_apply() as load_id
            returning load_id
        )

        insert into ledger.models as models (model, applies)
        select 'ledger.applies', range_agg(int8range(load_id, load_id, '[]'))
        from assigned
        having count(*) > 0
        on conflict (model) do update set
            applies = models.applies + excluded.applies,
            applied_at = now()
    {%- endcall %}
{%- endmacro %}


{# The applies that not every consumer has; all of them in a full refresh. #}
{% macro pending_of_consumers(consumers) -%}
    {% set query -%}
        select coalesce(
            range_agg(int8range(applies.apply_id, applies.apply_id, '[]')), '{}'
        )
        from unnest(
            '{[1,)}'::int8multirange
            {% if not should_full_refresh() -%}
                - ({% for consumer in consumers -%}
                    ledger.applied('{{ consumer }}') {{- ' * ' if not loop.last }}
                {%- endfor %})
            {%- endif %}
        ) as gap
        inner join ledger.applies
            on applies.apply_id >= lower(gap)
            and (upper_inf(gap) or applies.apply_id < upper(gap))
    {%- endset %}
    {{ return(run_query(query).columns[0][0] | string) }}
{%- endmacro %}
