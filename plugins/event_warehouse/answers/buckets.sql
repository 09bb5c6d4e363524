-- Hourly buckets, each page from the smallest table that has it, by its key.

-- hours --
-- All event types together.
select tenant_events_hourly.event_hour, tenant_events_hourly.event_count
from marts.tenant_events_hourly
where
    tenant_events_hourly.tenant_id = %(customer_id)s
    and tenant_events_hourly.event_hour >= %(first)s
    and tenant_events_hourly.event_hour < %(before)s
order by tenant_events_hourly.event_hour
limit %(rows)s;

-- hours_of_type --
select event_types_hourly.event_hour, event_types_hourly.event_count
from marts.event_types_hourly
where
    event_types_hourly.tenant_id = %(customer_id)s
    and event_types_hourly.event_hour >= %(first)s
    and event_types_hourly.event_hour < %(before)s
    and event_types_hourly.event_type = %(event_type)s
order by event_types_hourly.event_hour
limit %(rows)s;
