{#
A view is replaced where it stands. dbt's own way is to make a new one and drop
the old one with, by cascade, every view on it: marts.accounting would be gone until the
run ends, and what others built on it for ever. Only columns that are renamed or taken
away, by a newer version of the project, need that.
#}
{% materialization view, adapter='postgres' -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {#- Two runs that replace one view at once would fail on its catalogue row. -#}
    {% do begin_model() %}
    {%- if config.get('contract').enforced -%}
        {% do get_assert_columns_equivalent(sql) %}
    {%- endif %}
    {% if not keeps_columns(sql) -%}
        {% call statement('drop') -%} drop view {{ target_relation }} cascade {%- endcall %}
    {%- endif %}
    {% call statement('main') -%}
        create or replace view {{ target_relation }}
        {#- Who reads it is who its tables' row-level security asks. #}
        {%- if 'tenant_id' in model.columns %} with (security_invoker = true) {%- endif %}
        as {{ sql }}
    {%- endcall %}
    {% do persist_docs(target_relation, model) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}


{# True unless the view is there and has columns that the select does not begin with. #}
{% macro keeps_columns(sql) -%}
    {% if load_cached_relation(this) is none -%} {{ return(true) }} {%- endif %}
    {% set before = adapter.get_columns_in_relation(this) | map(attribute='name') | list %}
    {% set now = adapter.get_column_schema_from_query(get_empty_subquery_sql(sql))
        | map(attribute='name') | list %}
    {{ return(now[:before | length] == before) }}
{%- endmacro %}
