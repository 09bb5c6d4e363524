-- In raw, as the loader replays, and it has no way into the ledger.
create table raw.replay_requests (
    request_id bigint generated always as identity primary key,
    feed text,
    line_count bigint,
    requested_by text not null default session_user,
    requested_at timestamptz not null default now(),
    finished_at timestamptz
);
comment on table raw.replay_requests is
'Grain: one row per time that somebody had rejected lines read again.';
comment on column raw.replay_requests.feed is 'Whose lines; null means every feed''s.';
comment on column raw.replay_requests.line_count is
'Lines that were taken in; null until it is finished.';
comment on column raw.replay_requests.finished_at is
'Null while it runs, and for ever if it was ended: each load commits by itself.';
grant select, insert, update on raw.replay_requests to warehouse_loader;
grant select on raw.replay_requests to warehouse_transformer;

create table ledger.recast_requests (
    request_id bigint generated always as identity primary key,
    feed text,
    event_count bigint not null,
    requested_by text not null default session_user,
    requested_at timestamptz not null default now()
);
comment on table ledger.recast_requests is
'Grain: one row per time that somebody had rejected events cast again.';
comment on column ledger.recast_requests.feed is
'Whose events; null means every feed''s.';
comment on column ledger.recast_requests.event_count is
'Events that the next transform casts again.';
grant select, insert on ledger.recast_requests to warehouse_transformer;

-- Of its own, as a user who comes back is deleted again by the same row of deletions.
create table ledger.deletion_requests (
    request_id bigint generated always as identity primary key,
    deletion_id bigint not null references ledger.deletions,
    requested_by text not null default session_user,
    requested_at timestamptz not null default now(),
    finished_at timestamptz
);
comment on table ledger.deletion_requests is
'Grain: one row per time that somebody had a user deleted, without the user''s id.';
comment on column ledger.deletion_requests.finished_at is
'Null until the deletion is finished, by this request or one that completed it.';
insert into ledger.deletion_requests (
    deletion_id, requested_by, requested_at, finished_at
)
select
    deletions.deletion_id,
    deletions.requested_by,
    deletions.requested_at,
    deletions.finished_at
from ledger.deletions
order by deletions.deletion_id;
alter table ledger.deletions add column user_key bigint;
comment on column ledger.deletions.user_key is
'The user''s key in analytics.dim_users, by which who knows no id completes it; null
once it is finished.';
comment on column ledger.deletions.requested_by is
'Who asked first; ledger.deletion_requests has every time.';
grant select, insert, update on ledger.deletion_requests to warehouse_keeper;

create view ledger.operations as
select
    operations.kind,
    operations.what,
    operations.requested_by,
    operations.requested_at,
    operations.finished_at
from (
    select
        'rebuild' as kind,
        (
            select
                string_agg(
                    case upper(stretch) - lower(stretch)
                        when 1 then lower(stretch)::text
                        else lower(stretch) || ' to ' || (upper(stretch) - 1)
                    end,
                    ', '
                    order by stretch
                )
            from unnest(rebuilds.days) as stretch
        ) || ' of ' || coalesce(rebuilds.tenant_id, 'every tenant') as what,
        rebuilds.requested_by,
        rebuilds.requested_at,
        rebuilds.finished_at
    from ledger.rebuilds
    union all
    select
        'expiry' as kind,
        concat_ws(
            ', ',
            'events before ' || expiries.events_before,
            'arrivals before ' || expiries.raw_before
        ) as what,
        expiries.requested_by,
        expiries.expired_at as requested_at,
        expiries.expired_at as finished_at
    from ledger.expiries
    union all
    select
        'deletion' as kind,
        'a user of ' || deletions.tenant_id || ' (deletion '
        || deletions.deletion_id || ')' as what,
        deletion_requests.requested_by,
        deletion_requests.requested_at,
        deletion_requests.finished_at
    from ledger.deletion_requests
    inner join ledger.deletions using (deletion_id)
    union all
    select
        'replay' as kind,
        'rejected lines of ' || coalesce(replay_requests.feed, 'every feed')
        || coalesce(': ' || replay_requests.line_count || ' taken in', '') as what,
        replay_requests.requested_by,
        replay_requests.requested_at,
        replay_requests.finished_at
    from raw.replay_requests
    union all
    select
        'recast' as kind,
        'rejected events of ' || coalesce(recast_requests.feed, 'every feed') || ': '
        || recast_requests.event_count || ' to be cast again' as what,
        recast_requests.requested_by,
        recast_requests.requested_at,
        recast_requests.requested_at as finished_at
    from ledger.recast_requests
) as operations
order by operations.requested_at desc;
comment on view ledger.operations is
'What somebody had done, the newest first; no id of a deleted user is in it.
Grain: one row per rebuild, expiry, deletion, replay or recast that was asked for.';
comment on column ledger.operations.requested_by is
'A user of Airflow with the run, a user of the machine with the command, or else a
user of Postgres.';
comment on column ledger.operations.finished_at is
'Null while it runs, and for ever if it was ended.';
grant select on ledger.operations to warehouse_transformer;
