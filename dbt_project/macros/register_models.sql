{#
Gives each incremental model its place in the ledger before it ever ran, so that one that
failed the first time is seen to lack applies; and takes away those of models that are no
more.
#}
{% macro register_models() -%}
    {#- The graph is empty while dbt parses. -#}
    {%- if execute -%}
        {% do drop_outdated_models() %}
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
Drops the tables whose columns are not their contract's, as after an upgrade, and what they
have taken in: the run makes them anew from raw. Of those that were made with another
setting it forgets only what they have taken in; readers keep the rows until new ones are
there.
#}
{% macro drop_outdated_models() -%}
    {%- set columns = columns_of_tables() -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'incremental' -%}
        {%- set table = node.schema ~ '.' ~ node.name -%}
        {%- set now = node.columns.keys() | sort | join(',') -%}
        {%- if table in columns and columns[table] != now -%}
            {%- if node.config.full_refresh is false -%}
                {% do exceptions.raise_compiler_error(
                    table ~ ' has columns of another version, and its keys are for ever: '
                    ~ 'add by hand what ' ~ columns[table] ~ ' lacks of ' ~ now) %}
            {%- endif -%}
            {% do require_nothing_expired() %}
            {% do log(table ~ ' is made anew: its columns have changed', info=true) %}
            {% do adapter.drop_relation(api.Relation.create(
                database=node.database, schema=node.schema, identifier=node.name,
                type='table')) %}
            {% do forget_applies(node.name) %}
        {%- elif table in columns and is_made_otherwise(node) -%}
            {% do require_nothing_expired() %}
            {% do log(table ~ ' is made anew: a setting has changed', info=true) %}
            {% do forget_applies(node.name) %}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{% macro forget_applies(name) -%}
    {% do run_query("delete from ledger.models where model = '" ~ name ~ "'") %}
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


{#
True if the model has rows of applies that it was made to forget, as a run that was to make
it with another setting has ended before: with the setting as it was, they would count twice.
#}
{% macro has_forgotten_applies(node) -%}
    {%- if not node.config.meta.made_with -%} {{ return(false) }} {%- endif -%}
    {% set query -%}
        select
            ledger.applied('{{ node.name }}') = '{}'
            and exists (select from {{ node.schema }}.{{ node.name }})
    {%- endset %}
    {{ return(run_query(query).columns[0][0]) }}
{%- endmacro %}


{# The columns of each table of dbt's, by schema and table, sorted and joined by commas. #}
{% macro columns_of_tables() -%}
    {% set query -%}
        select
            format('%s.%s', table_schema, table_name),
            string_agg(column_name, ',' order by column_name collate "C")
        from information_schema.columns
        where table_schema in ('analytics', 'marts')
        group by 1
    {%- endset %}
    {%- set columns = {} -%}
    {%- for row in run_query(query).rows -%}
        {%- do columns.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}
