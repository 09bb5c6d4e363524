-- The tenants that have events.

-- tenants --
-- From the smallest table, with one row per day. An exact match comes first.
select
    tenant_events_daily.tenant_id,
    sum(tenant_events_daily.event_count)::bigint as event_count,
    min(tenant_events_daily.event_date) as first_date,
    max(tenant_events_daily.event_date) as last_date
from marts.tenant_events_daily
where starts_with(tenant_events_daily.tenant_id, %(prefix)s)
group by tenant_events_daily.tenant_id
order by tenant_events_daily.tenant_id = %(prefix)s desc, 2 desc, 1
limit %(most)s;
