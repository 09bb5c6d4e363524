-- Views for reading `raw`: they cast, and know which load has the products.

-- drop --
drop schema if exists shop cascade;

-- views --
create schema shop;
create view shop.events as
select
    tenant_id,
    event_type,
    event_time::timestamptz at time zone 'UTC' as event_time,
    entity_id,
    session_id,
    device_id
from raw.events_raw
where load_id <> {products};
create view shop.products as
select
    tenant_id,
    entity_id,
    attributes::jsonb ->> 'owner' as owner,
    attributes::jsonb ->> 'countries' as countries
from raw.events_raw
where load_id = {products};
create view shop.made_in as
select tenant_id, entity_id, country
from shop.products
cross join unnest(string_to_array(countries, ',')) as country;

-- products_load --
select loads.load_id
from raw.loads
inner join raw.feeds using (feed_id)
where feeds.feed = 'products' and loads.status = 'loaded';
