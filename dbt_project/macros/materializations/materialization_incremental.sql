{#
`materialized: incremental` in this project processes, exactly once each, the applies
that the model's upstreams have and the model lacks (docs/decisions). There is no
watermark, and rows and ledger entry are written in one transaction.

A model's SQL returns only the rows of pending applies: `where {{ is_pending(...) }}`.
    upstreams              models whose ledgers feed this one (required)
    incremental_strategy   append   new rows
                           add      new counts and sketches: by `unique_key`, the other
                                    columns are added, those of integer[] merged
                           replace  whole groups: those of the new rows, by `unique_key`
    unique_key             columns, for add and replace
    deleted_at_zero        for add of possibly negative counts: a column whose rows are
                           deleted when it reaches 0
    span                   for replace of parts of a group: columns of a start and an
                           end. A stored row is replaced if it ends within the span of
                           a new one. It is found by the week of its end
                           (macros/week_of.sql)
    partial_indexes        indexes with a condition: columns and where
    partition_by           a timestamptz column: one partition a month (UTC)
    planned_by             columns that models filter and join by, for statistics (all)
    reads_records          true if the model reads more of the batch than events; an
                           apply is cast until all such models have it
    rebuilt_by             time column of the rows, by which a rebuild recomputes days;
                           or visitor_key: all rows of the visitors of these days
    rebuilt_unit           what a row counts, if more than a day: week or month
    rebuilt_times          for visitor_key: columns of the rows' times, the first first
    meta.made_with         words of the description that contain a setting; if the
                           table's comment has others, its rows are recomputed
    forgets                how a deleted user leaves the table (macros/forgets.sql)

A full refresh deletes the rows and processes all applies again, in one transaction:
readers see the old rows until the new ones are there, and keep their views and grants.
The next run completes an interrupted one (ledger.models.is_stale).
#}
{% materialization incremental, adapter='postgres' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is not none and existing.is_view -%}
        {# A view in an older version of the project, or a placeholder of this run. #}
        {% do adapter.drop_relation(existing) %}
        {%- set existing = none -%}
    {%- endif -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if not is_rebuild() -%}
        {% do take_in_applies(existing, target_relation) %}
    {%- elif existing is not none and config.get('rebuilt_by') -%}
        {% do rebuild_rows(target_relation) %}
    {%- else -%}
        {#- Opens the transaction that is committed below. -#}
        {% do begin_model() %}
        {% call noop_statement('main', 'not rebuilt', 'OK', 0) %}{% endcall %}
    {%- endif %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}


{# Writes the rows of the pending applies, and records these. #}
{% macro take_in_applies(existing, target_relation) -%}
    {%- set upstreams = config.require('upstreams') -%}
    {% do begin_model(upstreams) %}
    {%- set pinned = pin_applies(upstreams) -%}
    {%- set is_made_anew = existing is none or should_full_refresh() or pinned.is_stale -%}
    {%- set applies = pinned.all if is_made_anew else pinned.new -%}
    {%- if existing is not none and is_made_anew -%}
        {% do require_nothing_expired() %}
        {% do require_whole_batches(upstreams) %}
        {% call statement('empty') -%} delete from {{ target_relation }} {%- endcall %}
        {% do persist_docs(target_relation, model) %}
    {%- elif existing is none -%}
        {% do create_table_of_contract(target_relation, sql) %}
    {%- endif -%}
    {%- if is_made_anew -%} {% do forget_applies() %} {%- endif -%}
    {% if applies == '{}' -%}
        {% call noop_statement('main', 'nothing pending', 'OK', 0) %}{% endcall %}
    {%- else -%}
        {%- if config.get('partition_by') -%}
            {% do ensure_partitions(target_relation, applies) %}
        {%- endif -%}
        {%- set pinned_sql = with_pinned_calls(sql, applies) -%}
        {% do write_rows(target_relation, pinned_sql) %}
        {% do analyze_after_growth(target_relation) %}
        {% do record_applies(applies) %}
    {%- endif %}
    {%- if existing is none -%} {% do record_removals_before() %} {%- endif %}
{%- endmacro %}


{# Writes the rows of a select by the model's strategy; 'main' writes the new ones. #}
{% macro write_rows(relation, sql) -%}
    {%- set strategy = config.get('incremental_strategy') or 'append' -%}
    {%- set columns = model.columns.keys() | join(', ') -%}
    {%- set keys = config.get('unique_key', []) -%}
    {%- set span = config.get('span') -%}
    {%- if strategy == 'append' -%}
        {% call statement('main') -%}
            insert into {{ relation }} ({{ columns }})
            select {{ columns }} from ({{ sql }}) as new_rows
        {%- endcall %}
    {%- elif strategy == 'add' -%}
        {% do create_fresh(sql) %}
        {#- Not `on conflict`: with few existing keys it takes 1.5 times as long,
            and the model's lock keeps other writers out. -#}
        {% call statement('add') -%}
            update {{ relation }} as kept set
                {% for column in model.columns if column not in keys -%}
                    {{ column }} = {% if model.columns[column].data_type == 'integer[]' -%}
                        sketch.union_of(kept.{{ column }}, fresh.{{ column }})
                    {%- else -%}
                        kept.{{ column }} + fresh.{{ column }}
                    {%- endif %}
                    {{- ', ' if not loop.last }}
                {%- endfor %}
            from {{ this.identifier }}__fresh as fresh
            where {{ same_keys(keys) }}
        {%- endcall %}
        {% set has_added = load_result('add').response.rows_affected > 0 -%}
        {% call statement('main') -%}
            insert into {{ relation }} ({{ columns }})
            select {{ columns }} from {{ this.identifier }}__fresh as fresh
            {% if has_added -%}
                where not exists (
                    select from {{ relation }} as kept where {{ same_keys(keys) }}
                )
            {%- endif %}
            -- By the tenant's days, say, whose index pages are then cached; sorting by
            -- the whole key costs more than it saves.
            order by {{ keys[:2] | join(', ') }}
        {%- endcall %}
        {% if has_added and config.get('deleted_at_zero') -%}
            {% call statement('delete') -%}
                delete from {{ relation }} as kept
                using {{ this.identifier }}__fresh as fresh
                where {{ same_keys(keys) }} and kept.{{ config.get('deleted_at_zero') }} = 0
            {%- endcall %}
        {%- endif %}
    {%- elif strategy == 'replace' -%}
        {% do create_fresh(sql) %}
        {% call statement('delete') -%}
            delete from {{ relation }} as kept
            {% if span -%}
                using (
                    select found.place
                    from {{ this.identifier }}__fresh as fresh
                    cross join lateral {{ weeks_of(
                        'fresh.' ~ span[0], 'fresh.' ~ span[1], 'weeks'
                    ) }}
                    cross join lateral (
                        select kept.ctid as place from {{ relation }} as kept
                        where {{ same_keys(keys) }}
                            and {{ week_of_time('kept.' ~ span[1]) }} = weeks.week
                            and kept.{{ span[1] }} >= fresh.{{ span[0] }}
                            and kept.{{ span[1] }} <= fresh.{{ span[1] }}
                        -- A fence: as a plain join it reads the whole table.
                        offset 0
                    ) as found
                    -- Evaluated once: an empty table needs no lookups.
                    where (select exists(select from {{ relation }}))
                ) as stale
                where kept.ctid = stale.place
            {%- else -%}
                using (
                    select distinct {{ keys | join(', ') }} from {{ this.identifier }}__fresh
                ) as fresh
                where {{ same_keys(keys) }}
            {%- endif %}
        {%- endcall %}
        {% call statement('main') -%}
            insert into {{ relation }} ({{ columns }})
            select {{ columns }} from {{ this.identifier }}__fresh as fresh
            {# Spans are already ordered by the key that finds them. -#}
            {% if not span -%} order by {{ keys | join(', ') }} {%- endif %}
        {%- endcall %}
    {%- else -%}
        {% do exceptions.raise_compiler_error(
            "incremental_strategy is '" ~ strategy ~ "'; it must be append, add or replace") %}
    {%- endif -%}
{%- endmacro %}


{#
The new rows in a temporary table: Postgres runs a select in parallel only to create a
table. Its statistics are of the columns by which it is joined with the stored rows.
#}
{% macro create_fresh(sql) -%}
    {%- set joined_by = (config.get('unique_key') or []) + (config.get('span') or []) -%}
    {% call statement('fresh') -%}
        create temporary table {{ this.identifier }}__fresh on commit drop as {{ sql }};
        analyze {{ this.identifier }}__fresh
        {%- if joined_by %} ({{ joined_by | join(', ') }}) {%- endif %}
    {%- endcall %}
{%- endmacro %}


{% macro same_keys(keys) -%}
    {% for key in keys -%}
        kept.{{ key }} = fresh.{{ key }} {{- ' and ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{# Creates the partitions for the events of the applies. #}
{% macro ensure_partitions(relation, applies) -%}
    {% call statement('partitions') -%}
        select ledger.ensure_partition('{{ relation.include(database=false) }}', month)
        from (
            select distinct unnest(applies.event_months) as month
            from ledger.applies
            where {{ ranges_as_conditions('applies.apply_id', applies) }}
        ) as months
    {%- endcall %}
    {% call statement('guard') -%}
        select access.guard_tables('{{ relation.include(database=false) }}')
    {%- endcall %}
{%- endmacro %}


{#
Refuses to empty a model if a batch that it reads lacks some of the applies, or is not
there, as after an upgrade or a crash.
#}
{% macro require_whole_batches(upstreams) -%}
    {%- set batches = batch_names() | select('in', upstreams) | list -%}
    {%- if not batches -%} {{ return('') }} {%- endif -%}
    {% set query -%}
        select batches.model
        from unnest(array['{{ batches | join("', '") }}']) as batches (model)
        where
            not ledger.applied(batches.model)
            {%- if config.get('reads_records') %}
                - ledger.applied('int_event_batch.kept')
            {%- endif %} @> (
                select coalesce(range_agg(int8range(applies.apply_id, applies.apply_id, '[]')), '{}')
                from ledger.applies
            )
    {%- endset %}
    {% for row in run_query(query).rows -%}
        {% do exceptions.raise_compiler_error(
            'a full refresh of ' ~ this.identifier ~ ' reads all of ' ~ row[0]
            ~ ', which must be refreshed before it:'
            ~ ' dbt run --full-refresh --select int_event_batch+') %}
    {%- endfor %}
{%- endmacro %}


{#
Updates the statistics for the models that read this one next, if more than a tenth of
the table was written. Autovacuum would come too late: a plan for an empty table ran on
a million rows for ten minutes and was then cancelled. With a tenth as the threshold the
cost is a constant share of the writes.
#}
{% macro analyze_after_growth(relation) -%}
    {% set written = load_result('main').response.rows_affected %}
    {% set query -%}
        select coalesce(sum(greatest(pg_class.reltuples, 0)), 0)
        from pg_class
        where
            pg_class.relkind = 'r'
            -- The tree of a table without partitions is empty.
            and (
                pg_class.oid = '{{ relation.include(database=false) }}'::regclass
                or pg_class.oid in (
                    select tree.relid
                    from pg_partition_tree('{{ relation.include(database=false) }}') as tree
                )
            )
    {%- endset %}
    {% if written > 0 and written * 10 > run_query(query).columns[0][0] -%}
        {% do analyze(relation) %}
    {%- endif %}
{%- endmacro %}
