{#
True for records of the batch that repeat no earlier one.

Usually `not in`: the hash join of `not exists` would lose the order of the rows, from
which the index of events benefits. But `not in` is hashed only if all repeats fit into
memory, and otherwise searched for each row. So from a million on, as when a whole
history is delivered again, it is `not exists`.
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


{# Estimated rows of a table, from its statistics; 0 if it does not exist. #}
{% macro row_estimate(relation) -%}
    {%- if not execute -%} {{ return(0) }} {%- endif -%}
    {% set query -%}
        select coalesce(sum(reltuples), 0)::bigint
        from pg_class
        where oid = to_regclass('{{ relation.include(database=false) }}')
    {%- endset %}
    {{ return(run_query(query).columns[0][0] | int) }}
{%- endmacro %}
