{#
The rows that a dimension has not yet: each new value with the next key, which it keeps
for ever.
    key      column of the integer that facts and rollups hold
    value    column of what it stands for; with `per_tenant`, of a tenant
    seen_in  model whose pending rows name the values

Of the batch all events count, repeats too: what names the same users need not be waited
for.
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
    -- Sorted, all are found before the first is inserted: a join that looks through the
    -- table once for each value would else also look through those inserted so far.
    order by
        {%- for column in columns %}
            seen.{{ column }} {{- ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}
