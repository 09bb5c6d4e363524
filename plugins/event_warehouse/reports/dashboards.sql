-- The dashboards that `make run` prints, from the marts as a BI tool reads them.

-- tenants --
select
    tenant_id as "tenant",
    sum(event_count)::bigint as "events",
    count(*) as "hours with events",
    max(event_count) as "busiest hour",
    to_char(min(event_hour) at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as "first hour",
    to_char(max(event_hour) at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as "last hour"
from marts.tenant_events_hourly
group by 1
order by 2 desc, 1
limit 10;

-- hours --
select
    to_char(event_hour at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as "hour (UTC)",
    event_count as "events",
    weighted_count as "weighted"
from marts.tenant_events_hourly
where tenant_id = %(tenant_id)s
order by event_hour desc
limit 12;

-- users --
select
    activity_rank as "rank",
    user_id as "user",
    event_count as "events"
from marts.most_active_users_daily
where
    tenant_id = %(tenant_id)s
    and event_date = (
        select max(days.event_date) from marts.most_active_users_daily as days
        where days.tenant_id = %(tenant_id)s
    )
    and activity_rank <= 5
order by activity_rank;

-- entities --
select
    activity_rank as "rank",
    entity_id as "entity",
    event_count as "events"
from marts.most_active_entities_daily
where
    tenant_id = %(tenant_id)s
    and event_date = (
        select max(days.event_date) from marts.most_active_entities_daily as days
        where days.tenant_id = %(tenant_id)s
    )
    and activity_rank <= 5
order by activity_rank;
