{{ config(
    upstreams=['fct_visitor_activity_daily'],
    incremental_strategy='add',
    unique_key=['tenant_id', 'cohort_week', 'event_week'],
    deleted_at_zero='visitor_count',
    rebuilt_by='event_week',
    rebuilt_unit='week',
) }}
{#
Grain: one row per tenant, cohort and week (from Monday, UTC) in which visitors of the
cohort had events. Late events work as in fct_retention_daily.
#}
{{ retention_changes('week', cohort='cohort_week', at='event_week') }}
