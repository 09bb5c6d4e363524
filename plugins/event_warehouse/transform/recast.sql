-- The recast's statements, each under its name.

-- has_rejected_events --
select to_regclass('analytics.rejected_events') is not null;

-- lock --
-- The second lock is the batch's, in whose transaction loads get their applies. Without
-- it an apply numbered after the recast, but before its commit, would count as later.
select
    pg_advisory_xact_lock(hashtextextended('recast', 0)),
    pg_advisory_xact_lock(hashtextextended('model int_event_batch', 0));

-- recast --
-- Adds applies and their records in one statement. A load with a pending recast gets no
-- second one.
with chosen as (
    select
        loads.load_id,
        feeds.declaration
    from raw.loads as loads
    inner join raw.feeds as feeds on loads.feed_id = feeds.feed_id
    where
        feeds.feed = any(%(feeds)s)
        and exists (
            select
            from analytics.rejected_events as rejected_events
            where rejected_events.load_id = loads.load_id
        )
        and not exists (
            select
            from ledger.applies as applies
            where
                applies.load_id = loads.load_id
                and (
                    (applies.declaration = feeds.declaration and not %(is_all)s)
                    or not applies.apply_id <@ ledger.applied('rejected_events')
                )
        )
),

recasts as (
    insert into ledger.applies (load_id, kind, declaration)
    select
        chosen.load_id,
        'recast' as kind,
        chosen.declaration
    from chosen
    order by chosen.load_id
    returning apply_id, load_id
),

recast_events as (
    insert into ledger.recast_events (apply_id, load_id, line_number)
    select
        recasts.apply_id,
        recasts.load_id,
        rejected_events.line_number
    from recasts
    inner join analytics.rejected_events as rejected_events
        on recasts.load_id = rejected_events.load_id
    returning load_id
)

select
    count(*) as event_count,
    count(distinct recast_events.load_id) as load_count
from recast_events;

-- keep_request --
insert into ledger.recast_requests (feed, event_count, requested_by)
values (
    %(feed)s,
    %(event_count)s,
    coalesce(%(requested_by)s::text, session_user)
);
