-- How the warehouse has done of late.

-- newest_hour --
-- Of those that the role may see.
select max(tenant_events_hourly.event_hour) as newest_hour
from marts.tenant_events_hourly;

-- events_by_hour --
select
    tenant_events_hourly.event_hour,
    sum(tenant_events_hourly.event_count)::bigint as event_count
from marts.tenant_events_hourly
where
    tenant_events_hourly.event_hour >= %(start)s
    and tenant_events_hourly.event_hour < %(before)s
group by tenant_events_hourly.event_hour
order by tenant_events_hourly.event_hour;

-- arrivals_by_hour --
-- Newest first: as many hours as there were any.
select
    date_trunc('hour', accounting.received_at) as received_hour,
    sum(accounting.record_count)::bigint as record_count,
    count(*) as file_count
from marts.accounting
where accounting.status not in ('failed', 'replaced', 'dismissed')
group by 1
order by 1 desc
limit %(most)s;

-- loads --
-- Newest first.
select
    accounting.load_id,
    accounting.feed,
    accounting.uri,
    accounting.status,
    accounting.record_count,
    accounting.rejected_line_count,
    accounting.raw_row_count,
    accounting.event_count,
    accounting.reference_row_count,
    accounting.rejected_event_count,
    accounting.duplicate_event_count,
    accounting.deleted_event_count,
    accounting.expired_row_count,
    accounting.deleted_row_count,
    accounting.error,
    accounting.received_at
from marts.accounting
where
    (%(feed)s::text is null or accounting.feed = %(feed)s)
    and (%(status)s::text is null or accounting.status = %(status)s)
    and (%(after)s::bigint is null or accounting.load_id < %(after)s)
order by accounting.load_id desc
limit %(most)s;

-- rejections --
-- Of all tenants, by reason; examples are the first of the newest files.
with numbered as (
    select
        rejections.*,
        row_number() over (
            partition by
                rejections.feed,
                rejections.kind,
                rejections.rejected_column,
                rejections.reason
            order by rejections.load_id desc
        ) as place
    from marts.rejections
)

select
    numbered.feed,
    numbered.kind,
    numbered.rejected_column,
    numbered.reason,
    sum(numbered.record_count)::bigint as record_count,
    count(*) as file_count,
    array_agg(
        jsonb_build_object(
            'load_id', numbered.load_id,
            'uri', numbered.uri,
            'line_number', numbered.first_line_number,
            'text', numbered.example
        ) order by numbered.place
    ) filter (where numbered.place <= 3) as examples
from numbered
group by 1, 2, 3, 4
order by 5 desc, 1 asc, 2 asc, 3 asc, 4 asc
limit %(most)s;

-- tenant_rejections --
-- Lines that can't be split are no tenant's yet, and files are the operator's.
with numbered as (
    select
        rejected_events.feed_id,
        rejected_events.rejected_column,
        rejected_events.rejected_reason as reason,
        rejected_events.load_id,
        rejected_events.line_number,
        left(rejected_events.rejected_value, 200) as text,
        row_number() over (
            partition by
                rejected_events.feed_id,
                rejected_events.rejected_column,
                rejected_events.rejected_reason
            order by rejected_events.load_id desc, rejected_events.line_number asc
        ) as place
    from analytics.rejected_events
    where rejected_events.tenant_id = %(tenant_id)s
)

select
    stg_feeds.feed,
    'event' as kind,
    numbered.rejected_column,
    numbered.reason,
    count(*) as record_count,
    count(distinct numbered.load_id) as file_count,
    array_agg(
        jsonb_build_object(
            'load_id', numbered.load_id,
            'line_number', numbered.line_number,
            'text', numbered.text
        ) order by numbered.place
    ) filter (where numbered.place <= 3) as examples
from numbered
inner join analytics.stg_feeds using (feed_id)
group by 1, 2, 3, 4
order by 5 desc, 1 asc, 2 asc, 3 asc, 4 asc
limit %(most)s;
