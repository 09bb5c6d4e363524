{#
Replaces a view in place. dbt itself creates a new view and drops the old one with, by
cascade, every view on it: marts.accounting would be missing until the end of the run,
and what others built on it for good. Only renamed or removed columns, in a newer
version of the project, make that necessary.
#}
{% materialization view, adapter='postgres' -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {#- Two concurrent replacements would fail on the view's catalogue row. -#}
    {% do begin_model() %}
    {%- if config.get('contract').enforced -%}
        {% do get_assert_columns_equivalent(sql) %}
    {%- endif %}
    {% if not keeps_columns(sql) -%}
        {% call statement('drop') -%} drop view {{ target_relation }} cascade {%- endcall %}
    {%- endif %}
    {% call statement('main') -%}
        create or replace view {{ target_relation }}
        {#- Row-level security of its tables then applies to the reader. #}
        {%- if 'tenant_id' in model.columns %} with (security_invoker = true) {%- endif %}
        as {{ sql }}
    {%- endcall %}
    {% do persist_docs(target_relation, model) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}


{# True unless the view exists and the select does not begin with its columns. #}
{% macro keeps_columns(sql) -%}
    {% if load_cached_relation(this) is none -%} {{ return(true) }} {%- endif %}
    {% set before = adapter.get_columns_in_relation(this) | map(attribute='name') | list %}
    {% set now = adapter.get_column_schema_from_query(get_empty_subquery_sql(sql))
        | map(attribute='name') | list %}
    {{ return(now[:before | length] == before) }}
{%- endmacro %}
