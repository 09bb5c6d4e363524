{#
Tenants and days for which the visitors of all cohorts don't add up to the visitors with
events.
#}
with

days as (
    select
        days.tenant_id,
        days.event_date,
        count(*) as visitor_count
    from {{ ref('fct_visitor_activity_daily') }} as days
    where days.apply_id <@ (select ledger.applied('fct_retention_daily'))
    group by 1, 2
),

retention as (
    select
        retention.tenant_id,
        retention.event_date,
        sum(retention.visitor_count) as visitor_count
    from {{ ref('fct_retention_daily') }} as retention
    group by 1, 2
)

select
    tenant_id,
    event_date,
    days.visitor_count as expected,
    retention.visitor_count as found
from days
full join retention using (tenant_id, event_date)
where days.visitor_count is distinct from retention.visitor_count
