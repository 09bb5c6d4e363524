{{ config(materialized='view') }}
{# Grain: one row per tenant, cohort and week with events of the cohort. #}
select
    counts.tenant_id,
    counts.cohort_week,
    counts.event_week,
    (counts.event_week - counts.cohort_week) / 7 as week_number,
    -- All visitors of a cohort have events in its first week.
    cohorts.visitor_count as cohort_size,
    counts.visitor_count,
    counts.visitor_count::double precision / cohorts.visitor_count as retention_rate
from {{ ref('fct_retention_weekly') }} as counts
inner join {{ ref('fct_retention_weekly') }} as cohorts
    on
        counts.tenant_id = cohorts.tenant_id
        and counts.cohort_week = cohorts.cohort_week
        and counts.cohort_week = cohorts.event_week
