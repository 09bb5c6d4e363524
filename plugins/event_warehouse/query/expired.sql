-- Which events of a tenant have expired.

-- hold --
-- Dropping a partition locks its parent, so it waits for this lock.
lock table only analytics.events in access share mode;

-- horizons --
-- Only where the tenant had events before the horizon; all of them if the table that
-- tells, tenant_events_daily, lacks events itself.
with horizons as materialized (
    select horizons.model, horizons.horizon
    from access.horizons() as horizons
)

select horizons.model, horizons.horizon
from horizons
where
    exists (
        select from marts.tenant_events_daily
        where
            tenant_events_daily.tenant_id = %(tenant_id)s
            and tenant_events_daily.event_date
            < (horizons.horizon at time zone 'UTC')::date
    )
    or exists (
        select from horizons as missing
        where missing.model = 'tenant_events_daily'
    );
