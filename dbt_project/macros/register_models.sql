{#
Gives each incremental model its place in the ledger before it ever ran, so that one that
failed the first time is seen to lack applies; and takes away those of models that are no
more.
#}
{% macro register_models() -%}
    {#- The graph is empty while dbt parses. -#}
    {%- if execute -%}
        {%- set names = incremental_models() -%}
        delete from ledger.models
        where model not in ('ledger.applies', '{{ names | join("', '") }}');
        insert into ledger.models (model)
        select unnest(array['{{ names | join("', '") }}'])
        on conflict (model) do nothing
    {%- endif -%}
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
