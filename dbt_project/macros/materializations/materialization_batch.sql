{#
A batch: an unlogged table with the rows of the pending applies, created again by each
run. After a crash it is empty, and so is its ledger entry; the next run creates it
again.
    upstreams    batches that it is derived from; it holds the same applies
    planned_by   columns that its readers filter and join by, for statistics (all)
    planner_off  planner methods to disable, such as enable_sort

The first batch, which has no upstreams, holds the applies that at least one reader of a
batch lacks. It gives each new load its apply, so applies are numbered in the order in
which they are processed. It has a second ledger entry, `.kept`: the applies of which it
holds only the events as they stand.
#}
{% materialization batch, adapter='postgres' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- set upstreams = config.get('upstreams', []) -%}
    {%- set kept = '{}' -%}
    {% do begin_model(upstreams) %}
    {%- if is_rebuild() -%}
        {#- No model may process what it holds as new. -#}
        {%- set applies = '{}' -%}
        {% do require_rebuilt_batches(upstreams) %}
    {%- elif upstreams -%}
        {%- set applies = applies_of(upstreams) -%}
    {%- else -%}
        {% do assign_applies() %}
        {%- set applies = pending_of_readers() -%}
        {%- set kept = kept_of(applies) -%}
    {%- endif -%}
    {%- set pinned_sql = with_pinned_calls(sql, applies) if kept == '{}'
        else with_kept_events(sql, applies, kept) -%}
    {% call statement('main') -%}
        {%- for method in config.get('planner_off', []) %}
            set local {{ method }} to off;
        {%- endfor %}
        set local parallel_setup_cost to 0;
        set local parallel_tuple_cost to 0;
        drop table if exists {{ target_relation }};
        -- The next run drops it; until then there is nothing to vacuum.
        create unlogged table {{ target_relation }}
        with (autovacuum_enabled = false)
        as {{ pinned_sql }}
    {%- endcall %}
    {% do analyze(target_relation) %}
    {% call statement('record') -%}
        insert into ledger.batches as batches (model, applies, rebuild_id)
        select
            held.model,
            held.applies,
            {{ running_rebuild().rebuild_id if is_rebuild() else 'null' }}
        from (
            values
            ('{{ this.identifier }}', '{{ applies }}'::int8multirange)
            {%- if not upstreams %},
                ('{{ this.identifier }}.kept', '{{ kept }}')
            {%- endif %}
        ) as held (model, applies)
        on conflict (model) do update set
            applies = excluded.applies,
            rebuild_id = excluded.rebuild_id,
            applied_at = now()
    {%- endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}


{#
Creates an apply for each load that has none, in the order of the loads. It keeps the
feed's declaration, which only a full refresh renews.
#}
{% macro assign_applies() -%}
    {% if should_full_refresh() -%}
        {#- Before anything is renewed, as no model could follow. -#}
        {% do require_nothing_expired() %}
        {% call statement('renew') -%}
            update ledger.applies as applies set declaration = feeds.declaration
            from raw.loads
            inner join raw.feeds using (feed_id)
            where applies.load_id = loads.load_id
        {%- endcall %}
        {# The other batches hold what was cast with the former ones. #}
        {% call statement('outdate') -%}
            update ledger.batches set applies = '{}'
            where model <> '{{ this.identifier }}'
        {%- endcall %}
        {# All records are cast with the renewed declarations. #}
        {% call statement('forget_recasts') -%}
            select ledger.forget_recasts()
        {%- endcall %}
        {% call statement('stale') -%}
            update ledger.models set is_stale = true
            where model in ('{{ refreshable_models() | join("', '") }}')
        {%- endcall %}
    {%- endif %}
    {% call statement('assign') -%}
        with assigned as (
            insert into ledger.applies (load_id, kind, declaration)
            select
                loads.load_id,
                case when loads.replays_load_id is null then 'load' else 'replay' end,
                feeds.declaration
            from ledger.loads_without_apply() as new_loads (load_id)
            inner join raw.loads using (load_id)
            inner join raw.feeds using (feed_id)
            order by loads.load_id
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


{#
The models that a full refresh recreates, selected or not, because it renews the
declarations that all of them are cast with. Dimensions keep their keys.
#}
{% macro refreshable_models() -%}
    {%- set names = [] -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'incremental'
            and node.config.full_refresh is not false -%}
        {%- do names.append(node.name) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}


{# True if a model is recreated: by this full refresh, or because it is stale. #}
{% macro is_refreshed(name) -%}
    {%- if should_full_refresh() -%} {{ return(true) }} {%- endif -%}
    {%- if not execute -%} {{ return(false) }} {%- endif -%}
    {% set query -%}
        select exists (
            select from ledger.models where model = '{{ name }}' and is_stale
        )
    {%- endset %}
    {{ return(run_query(query).columns[0][0]) }}
{%- endmacro %}


{% macro batch_names() -%}
    {%- set names = [] -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'batch' -%}
        {%- do names.append(node.name) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}


{#
The applies that at least one reader of a batch lacks; all of them while a model is
stale, as in a full refresh.
#}
{% macro pending_of_readers() -%}
    {%- set readers = incremental_models(upstreams=batch_names()) -%}
    {% set query -%}
        select coalesce(
            range_agg(int8range(applies.apply_id, applies.apply_id, '[]')), '{}'
        )
        from unnest(
            '{[1,)}'::int8multirange
            {% if not should_full_refresh() -%}
                - ({% for reader in readers -%}
                    ledger.applied('{{ reader }}') {{- ' * ' if not loop.last }}
                {%- endfor %})
                * case
                    when exists (select from ledger.models where is_stale)
                        then '{}'::int8multirange
                    else '{(,)}'::int8multirange
                end
            {%- endif %}
        ) as gap
        inner join ledger.applies
            on applies.apply_id >= lower(gap)
            and (upper_inf(gap) or applies.apply_id < upper(gap))
    {%- endset %}
    {{ return(run_query(query).columns[0][0] | string) }}
{%- endmacro %}


{#
The applies whose events are read as they stand instead of being cast again: all models
of records have them, and none of these models is being recreated. What counts as an
event was decided then and stays so for a model that is added later, even if a cast has
changed since, raw has expired, or a deletion has left a repeat without its event.
#}
{% macro kept_of(applies) -%}
    {%- if should_full_refresh() or applies == '{}' -%} {{ return('{}') }} {%- endif -%}
    {%- set models = [] -%}
    {%- for node in graph.nodes.values() if node.config.reads_records -%}
        {%- do models.append(node.name) -%}
    {%- endfor -%}
    {% set query -%}
        select
            case
                when exists (
                    select from ledger.models
                    where is_stale and model in ('{{ models | join("', '") }}')
                )
                    then '{}'
                else
                    '{{ applies }}'::int8multirange
                    {%- for name in models %} * ledger.applied('{{ name }}') {%- endfor %}
            end
    {%- endset %}
    {{ return(run_query(query).columns[0][0] | string) }}
{%- endmacro %}


{#
The first batch's SQL for the applies; for those in `kept` it reads the kept events.
#}
{% macro with_kept_events(sql, applies, kept) -%}
    {%- set others = run_query(
        "select '" ~ applies ~ "'::int8multirange - '" ~ kept ~ "'").columns[0][0] -%}
    (
        {{ with_pinned_calls(sql, others | string) }}
    )
    union all
    {{ with_pinned_calls(kept_events(is_pending('events', event_time=true)), kept) }}
{%- endmacro %}
