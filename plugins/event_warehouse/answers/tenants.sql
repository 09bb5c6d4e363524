-- Whose events there are.

-- tenants --
-- From the smallest table: one row a day.
select
    tenant_events_daily.tenant_id,
    sum(tenant_events_daily.event_count)::bigint as event_count,
    min(tenant_events_daily.event_date) as first_date,
    max(tenant_events_daily.event_date) as last_date
from marts.tenant_events_daily
group by tenant_events_daily.tenant_id
order by 2 desc, 1
limit %(most)s;
