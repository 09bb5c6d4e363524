-- The dashboard queries over the events themselves, in SQL that Postgres and DuckDB
-- both accept. `shop.events` has UTC times without a zone, `shop.products` an owner,
-- and `shop.made_in` a row for each country of a product.

-- owner_months --
select
    date_trunc('month', events.event_time)::date as event_month,
    count(*) as event_count,
    count(distinct events.entity_id) as entity_count
from shop.events
inner join shop.products using (tenant_id, entity_id)
where events.tenant_id = %(tenant)s and products.owner = %(owner)s
group by 1;

-- country_months --
select
    date_trunc('month', events.event_time)::date as event_month,
    coalesce(made_in.country, 'unknown') as country,
    count(*) as event_count,
    count(distinct events.entity_id) as entity_count
from shop.events
left join shop.made_in using (tenant_id, entity_id)
where events.tenant_id = %(tenant)s and events.entity_id is not null
group by 1, 2;

-- customer_hours --
select date_trunc('hour', event_time) as event_hour, count(*) as event_count
from shop.events
where
    tenant_id = %(tenant)s
    and event_time >= %(as_of)s::timestamp - interval '90 days'
    and event_time < %(as_of)s::timestamp
group by 1;

-- last_minutes --
select count(*) as event_count, count(distinct device_id) as device_count
from shop.events
where
    tenant_id = %(tenant)s
    and event_time >= %(as_of)s::timestamp - interval '5 minutes'
    and event_time < %(as_of)s::timestamp;

-- sessions_of_week --
select count(*) as event_count, count(distinct session_id) as session_count
from shop.events
where
    tenant_id = %(tenant)s
    and event_time >= date_trunc('day', %(as_of)s::timestamp) - interval '7 days'
    and event_time < %(as_of)s::timestamp;

-- trend_of_two_days --
select
    date_trunc('hour', event_time) as event_hour,
    count(*) as event_count,
    count(distinct device_id) as device_count,
    count(distinct session_id) as session_count
from shop.events
where
    tenant_id = %(tenant)s
    and event_time >= date_trunc('day', %(as_of)s::timestamp) - interval '2 days'
    and event_time < %(as_of)s::timestamp
group by 1;

-- top_devices --
select device_id, count(*) as event_count
from shop.events
where
    tenant_id = %(tenant)s
    and event_time >= %(as_of)s::timestamp - interval '30 minutes'
    and event_time < %(as_of)s::timestamp
    and device_id is not null
group by 1
order by event_count desc, device_id asc
limit 10;

-- types_by_day --
select
    date_trunc('day', event_time)::date as event_date,
    event_type,
    count(*) as event_count
from shop.events
where tenant_id = %(tenant)s
group by 1, 2;
