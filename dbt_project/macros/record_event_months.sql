{# Notes which months the events of each apply in a batch fall into. #}
{% macro record_event_months(batch) -%}
    update ledger.applies set event_months = months.event_months
    from (
        select
            batch.apply_id,
            array_agg(distinct date_trunc('month', batch.event_time)::date)
                as event_months
        from {{ batch }} as batch
        where batch.event_time is not null
        group by 1
    ) as months
    where applies.apply_id = months.apply_id
{%- endmacro %}
