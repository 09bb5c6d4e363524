{{ config(
    upstreams=['fct_visitor_activity_daily'],
    incremental_strategy='add',
    unique_key=['tenant_id', 'cohort_date', 'event_date'],
    deleted_at_zero='visitor_count',
    rebuilt_by='event_date',
) }}
{#
Grain: one row per tenant, cohort and day (UTC) on which visitors of the cohort had
events. If a late event makes a visitor's first day earlier, the visitor's days move to
the other cohort, however old they are.
#}
{{ retention_changes('day', cohort='cohort_date', at='event_date') }}
