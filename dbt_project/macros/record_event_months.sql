{# Notes which months the events of each apply in a batch fall into. #}
{% macro record_event_months(batch) -%}
    update ledger.applies set event_months = months.event_months
    from (
        select
            month_of_apply.apply_id,
            array_agg(month_of_apply.event_month) as event_months
        from (
            select distinct
                batch.apply_id,
                date_trunc('month', batch.event_time)::date as event_month
            from {{ batch }} as batch
            where batch.event_time is not null
        ) as month_of_apply
        group by 1
    ) as months
    where applies.apply_id = months.apply_id
{%- endmacro %}
