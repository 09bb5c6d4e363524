{# Whether any user was deleted. If not, nothing has to be looked up. #}
{% macro has_deleted_users() -%}
    {%- if execute -%}
        {{ return(run_query(
            'select exists (select deletion_id from ledger.deletions)').columns[0][0]) }}
    {%- endif -%}
{%- endmacro %}


{#
Removes the batch's records of deleted users from raw, in the transaction that counts
them as deleted. Reference records belong to their entity and lose only the user's id.
#}
{% macro remove_deleted_rows() -%}
    {%- if has_deleted_users() and not is_rebuild() -%}
        select
            ledger.remove_deleted_rows(
                array_agg(batch.load_id) filter (where not batch.is_reference),
                array_agg(batch.line_number) filter (where not batch.is_reference)
            ),
            ledger.take_out_deleted_users(
                array_agg(batch.load_id) filter (where batch.is_reference),
                array_agg(batch.line_number) filter (where batch.is_reference)
            )
        from {{ ref('int_event_batch') }} as batch
        where batch.is_of_deleted_user;
        delete from {{ ref('int_event_batch') }} as batch
        where batch.is_of_deleted_user and not batch.is_reference
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
