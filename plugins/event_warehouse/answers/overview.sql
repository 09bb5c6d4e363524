-- The warehouse's recent activity.

-- newest_hour --
-- Of the tenants that the role may see.
select max(tenant_events_hourly.event_hour) as newest_hour
from marts.tenant_events_hourly;

-- events_by_hour --
select
    tenant_events_hourly.event_hour,
    sum(tenant_events_hourly.event_count)::bigint as event_count
from marts.tenant_events_hourly
where
    tenant_events_hourly.event_hour >= %(start)s::timestamptz
    and tenant_events_hourly.event_hour < %(before)s::timestamptz
group by tenant_events_hourly.event_hour
order by tenant_events_hourly.event_hour;

-- arrivals_by_hour --
-- Newest first; only hours in which files arrived.
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
    accounting.replayed_line_count,
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
-- Of all tenants, by reason; the examples are the first of each of the newest files.
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
-- Only events, as a line that can't be split has no tenant; without the addresses of
-- files, which only operators may see.
with

by_file as (
    select
        rejected_events.feed_id,
        rejected_events.rejected_column,
        rejected_events.rejected_reason as reason,
        rejected_events.load_id,
        count(*) as record_count
    from analytics.rejected_events
    where rejected_events.tenant_id = %(tenant_id)s
    group by 1, 2, 3, 4
),

by_reason as (
    select
        by_file.feed_id,
        by_file.rejected_column,
        by_file.reason,
        sum(by_file.record_count)::bigint as record_count,
        count(*) as file_count,
        (array_agg(by_file.load_id order by by_file.load_id desc))[1:3] as load_ids
    from by_file
    group by 1, 2, 3
),

shown as (
    select
        stg_feeds.feed,
        by_reason.*
    from by_reason
    inner join analytics.stg_feeds using (feed_id)
    order by
        by_reason.record_count desc,
        stg_feeds.feed asc,
        by_reason.rejected_column asc,
        by_reason.reason asc
    limit %(most)s
)

select
    shown.feed,
    'event' as kind,
    shown.rejected_column,
    shown.reason,
    shown.record_count,
    shown.file_count,
    (
        select
            array_agg(
                jsonb_build_object(
                    'load_id', first_events.load_id,
                    'line_number', first_events.line_number,
                    'text', left(first_events.rejected_value, 200)
                ) order by first_events.load_id desc, first_events.line_number asc
            )
        from (
            select
                rejected_events.load_id,
                rejected_events.line_number,
                rejected_events.rejected_value
            from analytics.rejected_events
            where
                rejected_events.tenant_id = %(tenant_id)s
                and rejected_events.load_id = any(shown.load_ids)
                and rejected_events.rejected_column
                is not distinct from shown.rejected_column
                and rejected_events.rejected_reason = shown.reason
            order by rejected_events.load_id desc, rejected_events.line_number asc
            limit 3
        ) as first_events
    ) as examples
from shown
order by
    shown.record_count desc,
    shown.feed asc,
    shown.rejected_column asc,
    shown.reason asc;
