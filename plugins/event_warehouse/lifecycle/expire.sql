-- The expiry's statements, each under its name.

-- start --
-- Horizons only move forward. Returns no row if neither moves.
insert into ledger.expiries (events_before, raw_before, requested_by)
select
    moved.events_before,
    moved.raw_before,
    coalesce(%(requested_by)s::text, session_user) as requested_by
from (
    select
        case
            when
                %(events_before)s::date
                > coalesce(ledger.events_horizon(), '-infinity')
                then %(events_before)s::date
        end as events_before,
        case
            when %(raw_before)s::date > coalesce(ledger.raw_horizon(), '-infinity')
                then %(raw_before)s::date
        end as raw_before
) as moved
where num_nonnulls(moved.events_before, moved.raw_before) > 0
returning expiry_id;

-- problems --
select
    'load ' || loads.load_id || ' arrived before ' || ledger.raw_horizon()
    || ' and is not applied yet; run: warehouse transform' as problem
from raw.loads
where
    loads.load_id in (select ledger.loads_without_apply())
    and loads.received_at < ledger.raw_horizon()::timestamp at time zone 'UTC'
union all
select
    'a user of ' || deletions.tenant_id || ' is not wholly deleted yet; run the '
    'same warehouse forget again' as problem
from ledger.deletions
where deletions.finished_at is null;

-- lock_partitions --
select
    ledger.lock_partitions('analytics.events', %(events_before)s),
    raw.lock_partitions(%(raw_before)s);

-- count_events --
insert into ledger.removed_rows (
    expiry_id, table_name, load_id, apply_id, row_count, visitor_event_count,
    user_event_count
)
select
    %(expiry_id)s,
    'analytics.events' as table_name,
    events.load_id,
    events.apply_id,
    count(*) as row_count,
    count(coalesce(events.user_id, events.device_id)) as visitor_event_count,
    count(events.user_id) as user_event_count
from analytics.events
where events.event_time < %(events_before)s::date::timestamp at time zone 'UTC'
group by events.load_id, events.apply_id;

-- count_raw --
insert into ledger.removed_rows (expiry_id, table_name, load_id, row_count)
select
    %(expiry_id)s,
    'raw.events_raw' as table_name,
    events_raw.load_id,
    count(*) as row_count
from raw.events_raw
where events_raw.received_at < %(raw_before)s::date::timestamp at time zone 'UTC'
group by events_raw.load_id;

-- rejects --
-- Rejected events can't be cast again once their records have expired.
with gone as (
    delete from analytics.rejected_events
    where
        rejected_events.received_at
        < %(raw_before)s::date::timestamp at time zone 'UTC'
    returning load_id, apply_id
),

gone_too as (
    delete from analytics.deleted_events
    where
        deleted_events.received_at < %(raw_before)s::date::timestamp at time zone 'UTC'
    returning load_id, apply_id
)

insert into ledger.removed_rows (expiry_id, table_name, load_id, apply_id, row_count)
select
    %(expiry_id)s,
    counted.table_name,
    counted.load_id,
    counted.apply_id,
    count(*) as row_count
from (
    select 'analytics.rejected_events' as table_name, gone.load_id, gone.apply_id
    from gone
    union all
    select 'analytics.deleted_events' as table_name, gone_too.load_id, gone_too.apply_id
    from gone_too
) as counted
group by 2, 3, 4;

-- repeats --
-- Duplicates expire with the events that they repeat or with their own records.
with gone as (
    delete from analytics.duplicate_events
    where
        duplicate_events.event_time
        < %(events_before)s::date::timestamp at time zone 'UTC'
        or duplicate_events.received_at
        < %(raw_before)s::date::timestamp at time zone 'UTC'
    returning load_id, apply_id
)

insert into ledger.removed_rows (expiry_id, table_name, load_id, apply_id, row_count)
select
    %(expiry_id)s,
    'analytics.duplicate_events' as table_name,
    gone.load_id,
    gone.apply_id,
    count(*) as row_count
from gone
group by gone.load_id, gone.apply_id;

-- lines --
with gone as (
    delete from raw.rejected_lines
    where
        rejected_lines.received_at < %(raw_before)s::date::timestamp at time zone 'UTC'
    returning load_id, replayed_by
),

gone_too as (
    delete from raw.stripped_lines
    where
        stripped_lines.received_at < %(raw_before)s::date::timestamp at time zone 'UTC'
    returning load_id
)

insert into ledger.removed_rows (
    expiry_id, table_name, load_id, replayed_by, row_count
)
select
    %(expiry_id)s,
    counted.table_name,
    counted.load_id,
    counted.replayed_by,
    count(*) as row_count
from (
    select 'raw.rejected_lines' as table_name, gone.load_id, gone.replayed_by
    from gone
    union all
    select 'raw.stripped_lines' as table_name, gone_too.load_id, null as replayed_by
    from gone_too
) as counted
group by 2, 3, 4;

-- drop_partitions --
select
    ledger.drop_partitions('analytics.events', %(events_before)s),
    raw.drop_partitions(%(raw_before)s);

-- expired --
select
    removed_rows.table_name,
    sum(removed_rows.row_count)::bigint as row_count
from ledger.removed_rows
where removed_rows.expiry_id = %(expiry_id)s
group by 1
order by 1;
