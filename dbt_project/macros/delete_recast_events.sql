{# Removes from rejected_events the records that pending recasts process. #}
{% macro delete_recast_events() -%}
    {%- if execute and load_relation(this) -%}
        delete from {{ this }} as kept
        using {{ source('ledger', 'recast_events') }} as recast_events
        where
            kept.load_id = recast_events.load_id
            and kept.line_number = recast_events.line_number
            and kept.apply_id < recast_events.apply_id
            and recast_events.apply_id <@ (
                ledger.applied('int_event_batch') - ledger.applied('{{ this.identifier }}')
            )
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
