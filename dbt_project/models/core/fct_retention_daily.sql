{{ config(
    upstreams=['fct_visitor_activity_daily'],
    incremental_strategy='add',
    unique_key=['tenant_id', 'cohort_date', 'event_date'],
    deleted_at_zero='visitor_count',
) }}
{#
Grain: one row per tenant, cohort and day (UTC) on which visitors of the cohort had events.
A late event that makes a visitor's first day earlier moves the visitor's days to the other
cohort, of whatever age they are.
#}
{{ retention_changes('day', cohort='cohort_date', at='event_date') }}
