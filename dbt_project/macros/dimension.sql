{#
The rows that a dimension lacks: each new value with the next key, which never changes.
    key      column of the integer key in facts and rollups
    value    column of the value; with `per_tenant`, of a tenant
    seen_in  model whose pending rows contain the values

All events of the batch count, also repeats, which contain the same values: so there is
no need to wait for the search for repeats.
#}
{% macro dimension(key, value, seen_in, per_tenant=false) -%}
    {%- set columns = ['tenant_id', value] if per_tenant else [value] -%}
    with

    seen as (
        select distinct
            {%- for column in columns %}
                new_rows.{{ column }} {{- ',' if not loop.last }}
            {%- endfor %}
        from {{ ref(seen_in) }} as new_rows
        where
            {{ is_pending('new_rows') }}
            {%- if seen_in == 'int_event_batch' %}
                and new_rows.rejected_column is null
                and not new_rows.is_reference
            {%- endif %}
            and new_rows.{{ value }} is not null
    )

    select
        nextval(
            pg_get_serial_sequence('{{ this.schema }}.{{ this.identifier }}', '{{ key }}')
        )::integer as {{ key }}
        {%- for column in columns %},
            seen.{{ column }}
        {%- endfor %}
    from seen
    where not exists (
        select from {{ this }} as known
        where
            {% for column in columns -%}
                seen.{{ column }} = known.{{ column }} {{- ' and ' if not loop.last }}
            {% endfor %}
    )
    -- Sorting finds all rows before the first one is inserted. A nested loop would also
    -- scan those inserted so far.
    order by
        {%- for column in columns %}
            seen.{{ column }} {{- ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}
