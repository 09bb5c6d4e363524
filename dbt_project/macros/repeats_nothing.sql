{#
True for records of the batch that repeat no earlier one.

Mostly `not in`: the hash join of `not exists` would scatter the rows, whose order events'
index likes. But that is hashed only while all repeats fit into memory, and else asks them
one by one; so from a million on, as when a whole history is delivered again, `not exists`.
#}
{% macro repeats_nothing(batch) -%}
    {%- set repeats = ref('int_repeats') -%}
    {%- if row_estimate(repeats) < 1000000 -%}
        ({{ batch }}.load_id, {{ batch }}.line_number) not in (
            select
                int_repeats.load_id,
                int_repeats.line_number
            from {{ repeats }} as int_repeats
        )
    {%- else -%}
        not exists (
            select
            from {{ repeats }} as int_repeats
            where
                int_repeats.load_id = {{ batch }}.load_id
                and int_repeats.line_number = {{ batch }}.line_number
        )
    {%- endif -%}
{%- endmacro %}


{# Rows of a table by its statistics; 0 if there is none. #}
{% macro row_estimate(relation) -%}
    {%- if not execute -%} {{ return(0) }} {%- endif -%}
    {% set query -%}
        select coalesce(sum(reltuples), 0)::bigint
        from pg_class
        where oid = to_regclass('{{ relation.include(database=false) }}')
    {%- endset %}
    {{ return(run_query(query).columns[0][0] | int) }}
{%- endmacro %}
