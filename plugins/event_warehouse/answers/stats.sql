-- How many events there are, and the state of each feed.

-- tenant --
-- From the smallest table, with one row per day.
select
    coalesce(sum(tenant_events_daily.event_count), 0)::bigint as event_count,
    min(tenant_events_daily.event_date) as first_date,
    max(tenant_events_daily.event_date) as last_date
from marts.tenant_events_daily
where tenant_events_daily.tenant_id = %(tenant_id)s;

-- tenant_last_hour --
select coalesce(sum(tenant_events_5min.event_count), 0)::bigint as event_count
from marts.tenant_events_5min
where
    tenant_events_5min.tenant_id = %(tenant_id)s
    and tenant_events_5min.event_5min >= %(now)s::timestamptz - interval '1 hour'
    and tenant_events_5min.event_5min < %(now)s::timestamptz;

-- feeds --
-- From the accounting, which has one row per file.
select
    accounting.feed,
    count(*) filter (where accounting.status in ('balanced', 'unbalanced'))
        as file_count,
    count(*) filter (where accounting.status = 'pending') as pending_file_count,
    count(*) filter (where accounting.status = 'failed') as failed_file_count,
    count(*) filter (where accounting.status = 'unbalanced') as unbalanced_file_count,
    coalesce(
        sum(accounting.record_count - accounting.replayed_line_count), 0
    )::bigint as record_count,
    coalesce(sum(accounting.rejected_line_count), 0)::bigint as rejected_line_count,
    coalesce(sum(accounting.event_count), 0)::bigint as event_count,
    coalesce(sum(accounting.reference_row_count), 0)::bigint as reference_row_count,
    coalesce(sum(accounting.rejected_event_count), 0)::bigint as rejected_event_count,
    coalesce(sum(accounting.duplicate_event_count), 0)::bigint
        as duplicate_event_count,
    coalesce(
        sum(accounting.record_count) filter (
            where accounting.received_at >= %(now)s::timestamptz - interval '1 hour'
        ), 0
    )::bigint as last_hour_record_count,
    max(accounting.received_at) filter (
        where accounting.status <> 'failed'
    ) as newest_load_at,
    min(accounting.received_at) filter (
        where accounting.status = 'pending'
    ) as oldest_pending_at
from marts.accounting
group by accounting.feed
order by accounting.feed;
