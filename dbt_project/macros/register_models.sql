{#
Gives each incremental model its place in the ledger before it ever ran, so that one that
failed the first time is seen to lack applies; and takes away those of models that are no
more.
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


{# True if a view is among what the run makes. #}
{% macro makes_views() -%}
    {%- for id in selected_resources if id in graph.nodes
            and graph.nodes[id].config.materialized == 'view' -%}
        {{ return(true) }}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}


{# The names of the incremental models; of those only that read one of `upstreams`. #}
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
Drops the tables whose columns, by name and type, are not their contract's, as after an
upgrade, and what they have taken in: the run makes them anew from raw. Of those that were
made with another setting it notes that they are stale; readers keep the rows until new
ones are there.
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
            {% do print(table ~ ' is made anew: its columns have changed') %}
            {% do adapter.drop_relation(api.Relation.create(
                database=node.database, schema=node.schema, identifier=node.name,
                type='table')) %}
            {#- Views go with it; the next run that makes views makes all. -#}
            {% do run_query('delete from ledger.project') %}
            {% do run_query("delete from ledger.models where model = '" ~ node.name ~ "'") %}
        {%- elif table in columns and is_made_otherwise(node) -%}
            {% do require_nothing_expired(
                table ~ ' was made with another setting (what to do: docs/upgrading.md)') %}
            {% do print(table ~ ' is made anew: a setting has changed') %}
            {% do run_query(
                "update ledger.models set is_stale = true where model = '"
                ~ node.name ~ "'") %}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#
An empty view for each table that is yet to be made, which the materialization exchanges
for it: dbt runs unit tests before their model, and some read the columns of its table.
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
                {#- Hooks run as who signed in. #}
                alter view {{ relation }} owner to {{ target.role }}
            {%- endset %}
            {% do run_query(query) %}
            {% do adapter.cache_added(relation) %}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#
True if the model's table was made with another setting than it has now. `meta.made_with`
is what the model's description says of the setting, and the description is the comment
that the table was given when it was made.
#}
{% macro is_made_otherwise(node) -%}
    {%- if not node.config.meta.made_with -%} {{ return(false) }} {%- endif -%}
    {% set query -%}
        select obj_description(to_regclass('{{ node.schema }}.{{ node.name }}'), 'pg_class')
    {%- endset %}
    {%- set made = run_query(query).columns[0][0] -%}
    {{ return(node.config.meta.made_with not in (made or '')) }}
{%- endmacro %}


{# The columns of each table of dbt's and their types, by schema and table, as a text. #}
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


{# The same as the models declare them; types in Postgres's own words. #}
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


{# A table of two columns as a dictionary, by the first. #}
{% macro as_dict(table) -%}
    {%- set found = {} -%}
    {%- for row in table.rows -%} {%- do found.update({row[0]: row[1]}) -%} {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
