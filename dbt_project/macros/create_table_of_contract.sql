{#
Creates the model's empty table from the columns and constraints of its contract, with
its indexes, and partitioned by month if its config has `partition_by`. dbt itself can't
create partial indexes: `partial_indexes`, each with columns and where.
#}
{% macro create_table_of_contract(relation, sql) -%}
    {% call statement('create_table') -%}
        create table {{ relation }}
        {{ get_table_columns_and_constraints() }}
        {%- if config.get('partition_by') %}
            partition by range ({{ config.get('partition_by') }})
        {%- endif %}
    {%- endcall %}
    {% do get_assert_columns_equivalent(sql) %}
    {% do create_indexes(relation) %}
    {%- for index in config.get('partial_indexes', []) %}
        {% call statement('partial_index') -%}
            create index on {{ relation }} ({{ index.columns | join(', ') }})
            where {{ index.where }}
        {%- endcall %}
    {%- endfor %}
    {% if 'apply_id' in model.columns -%}
        {# The applies that a model looks for are newer than any statistics, which
           would estimate no rows: a plan for one row, run over a million. Without
           statistics the planner assumes half a percent of the table. #}
        {% call statement('statistics') -%}
            alter table {{ relation }} alter column apply_id set statistics 0
        {%- endcall %}
    {%- endif %}
    {% do persist_docs(relation, model) %}
{%- endmacro %}
