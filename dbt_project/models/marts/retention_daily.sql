{{ config(materialized='view') }}
{# Grain: one row per tenant, cohort and day (UTC) with events of the cohort. #}
select
    counts.tenant_id,
    counts.cohort_date,
    counts.event_date,
    counts.event_date - counts.cohort_date as day_number,
    -- All visitors of a cohort have events on its first day.
    cohorts.visitor_count as cohort_size,
    counts.visitor_count,
    counts.visitor_count::double precision / cohorts.visitor_count as retention_rate
from {{ ref('fct_retention_daily') }} as counts
inner join {{ ref('fct_retention_daily') }} as cohorts
    on
        counts.tenant_id = cohorts.tenant_id
        and counts.cohort_date = cohorts.cohort_date
        and counts.cohort_date = cohorts.event_date
