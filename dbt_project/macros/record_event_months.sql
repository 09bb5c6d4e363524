{# Records the months of the events of each apply that a batch has cast. #}
{% macro record_event_months(batch) -%}
    update ledger.applies set event_months = months.event_months
    from (
        select
            days.apply_id,
            array_agg(distinct date_trunc('month', days.event_day)::date) as event_months
        from (
            -- Days first: they take half the time of months, and are few.
            select distinct
                batch.apply_id,
                date_bin('1 day', batch.event_time, '2000-01-01Z') as event_day
            from {{ batch }} as batch
            where batch.event_time is not null and not batch.is_kept
        ) as days
        group by 1
    ) as months
    where applies.apply_id = months.apply_id
{%- endmacro %}
