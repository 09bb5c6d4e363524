{#
Gives each incremental model its ledger entry before its first run, so that a model
whose first run failed is seen to lack applies; deletes those of models that no longer
exist.
#}
{% macro register_models() -%}
    {#- The graph is empty while dbt parses. -#}
    {%- if execute -%}
        {%- if flags.WHICH in ['run', 'build', 'retry'] -%}
            {% do drop_outdated_models() %}
        {%- endif -%}
        {%- if flags.WHICH == 'build' -%}
            {% do create_placeholders() %}
        {%- endif -%}
        {%- set names = incremental_models() -%}
        delete from ledger.models
        where model not in ('ledger.applies', '{{ names | join("', '") }}');
        insert into ledger.models (model)
        select unnest(array['{{ names | join("', '") }}'])
        on conflict (model) do nothing
        {%- if makes_views() %};
            delete from ledger.project
        {%- endif %}
    {%- endif -%}
{%- endmacro %}


{# True if the run creates a view. #}
{% macro makes_views() -%}
    {%- for id in selected_resources if id in graph.nodes
            and graph.nodes[id].config.materialized == 'view' -%}
        {{ return(true) }}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}


{#
The names of the incremental models; with `upstreams`, only those that read one of them.
#}
{% macro incremental_models(upstreams=none) -%}
    {%- set names = [] -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'incremental' -%}
        {%- if upstreams is none
                or node.config.upstreams | select('in', upstreams) | list -%}
            {%- do names.append(node.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}


{#
Drops the tables whose columns, by name and type, differ from their contract, as after
an upgrade, with their ledger entries: the run creates them again. Tables made with
another setting are marked as stale; readers keep the rows until the new ones are there.
#}
{% macro drop_outdated_models() -%}
    {%- set columns = columns_of_tables() -%}
    {%- set contracts = columns_of_contracts() -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'incremental' -%}
        {%- set table = node.schema ~ '.' ~ node.name -%}
        {%- set now = contracts[table] -%}
        {%- if table in columns and columns[table] != now -%}
            {%- if node.config.full_refresh is false -%}
                {% do exceptions.raise_compiler_error(
                    table ~ ' has columns of another version, and its keys are for ever: '
                    ~ 'add by hand what ' ~ columns[table] ~ ' lacks of ' ~ now) %}
            {%- endif -%}
            {% do require_nothing_expired(
                'the columns of ' ~ table ~ ' are not those of its contract (what to do: '
                ~ 'docs/upgrading.md)') %}
            {% do print(table ~ ' is created again: its columns have changed') %}
            {% do adapter.drop_relation(api.Relation.create(
                database=node.database, schema=node.schema, identifier=node.name,
                type='table')) %}
            {#- Views are dropped with it; the next transform creates all views
                again. -#}
            {% do run_query('delete from ledger.project') %}
            {% do run_query("delete from ledger.models where model = '" ~ node.name ~ "'") %}
        {%- elif table in columns and is_made_otherwise(node) -%}
            {% do require_nothing_expired(
                table ~ ' was made with another setting (what to do: docs/upgrading.md)') %}
            {% do print(table ~ ' is created again: a setting has changed') %}
            {% do run_query(
                "update ledger.models set is_stale = true where model = '"
                ~ node.name ~ "'") %}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#
Creates an empty view for each table that does not exist yet, which the materialization
replaces: dbt runs a model's unit tests before the model, and some read the columns of
its table.
#}
{% macro create_placeholders() -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'incremental' -%}
        {%- set relation = api.Relation.create(
            database=node.database, schema=node.schema, identifier=node.name,
            type='view') -%}
        {%- if load_relation(relation) is none -%}
            {% set query -%}
                create view {{ relation }} as
                select
                    {% for column in node.columns.values() -%}
                        null::{{ column.data_type }} as {{ column.name }}
                        {{- ',' if not loop.last }}
                    {% endfor -%}
                where false;
                {#- Hooks run as the user who signed in. #}
                alter view {{ relation }} owner to {{ target.role }}
            {%- endset %}
            {% do run_query(query) %}
            {% do adapter.cache_added(relation) %}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#
True if the model's table was made with another setting than the current one.
`meta.made_with` is the part of the model's description that contains the setting, and
the table got the description as its comment when it was made.
#}
{% macro is_made_otherwise(node) -%}
    {%- if not node.config.meta.made_with -%} {{ return(false) }} {%- endif -%}
    {% set query -%}
        select obj_description(to_regclass('{{ node.schema }}.{{ node.name }}'), 'pg_class')
    {%- endset %}
    {%- set made = run_query(query).columns[0][0] -%}
    {{ return(node.config.meta.made_with not in (made or '')) }}
{%- endmacro %}


{# The columns and types of each of dbt's tables, by schema and table, as text. #}
{% macro columns_of_tables() -%}
    {% set query -%}
        select
            format('%s.%s', pg_namespace.nspname, pg_class.relname),
            string_agg(
                format(
                    '%s %s',
                    pg_attribute.attname,
                    format_type(pg_attribute.atttypid, null)
                ),
                ', ' order by pg_attribute.attname collate "C"
            )
        from pg_class
        inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
        inner join pg_attribute on pg_class.oid = pg_attribute.attrelid
        where
            pg_namespace.nspname in ('analytics', 'marts')
            and pg_class.relkind in ('r', 'p')
            and pg_attribute.attnum > 0
            and not pg_attribute.attisdropped
        group by 1
    {%- endset %}
    {{ return(as_dict(run_query(query))) }}
{%- endmacro %}


{# The same as declared by the models, with Postgres's names of the types. #}
{% macro columns_of_contracts() -%}
    {%- set declared = [] -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'incremental' -%}
        {%- for column in node.columns.values() -%}
            {%- do declared.append({
                'table': node.schema ~ '.' ~ node.name,
                'column': column.name,
                'type': column.data_type,
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {% set query -%}
        select
            declared."table",
            string_agg(
                format('%s %s', declared."column", to_regtype(declared.type)),
                ', ' order by declared."column" collate "C"
            )
        from jsonb_to_recordset({{ as_literal(tojson(declared)) }})
            as declared ("table" text, "column" text, type text)
        group by 1
    {%- endset %}
    {{ return(as_dict(run_query(query))) }}
{%- endmacro %}


{# A table with two columns as a dictionary. #}
{% macro as_dict(table) -%}
    {%- set found = {} -%}
    {%- for row in table.rows -%} {%- do found.update({row[0]: row[1]}) -%} {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
