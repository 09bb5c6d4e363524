-- The loader's statements, each under its name.

-- has_feed --
select exists(
    select from raw.feeds
    where feed = %(feed)s and declaration = %(declaration)s
) as is_there;

-- declarations --
select
    feed,
    declaration
from raw.feeds;

-- lock_feeds --
select pg_advisory_xact_lock(hashtextextended('raw.feeds', 0));

-- keep_feed --
-- A merge, because an insert that runs into a conflict uses up an id each time.
merge into raw.feeds as feeds
using (select %(feed)s::text as feed, %(declaration)s::jsonb as declaration) as declared
    on feeds.feed = declared.feed
when matched then
    update set declaration = declared.declaration, updated_at = now()
when not matched then
    insert (feed, declaration) values (declared.feed, declared.declaration);

-- settled_uris --
-- A set difference, not a cursor: files arrive and commit in any order. The planner
-- looks up a few files by index and uses a hash join for many.
select found.uri
from raw.feeds as feeds
cross join unnest(%(uris)s::text[], %(versions)s::text[]) as found (uri, file_version)
where
    feeds.feed = %(feed)s
    and (
        exists (
            select
            from raw.loads as loads
            where
                loads.feed_id = feeds.feed_id
                and loads.uri = found.uri
                and loads.file_version = found.file_version
                and loads.status = any(%(statuses)s)
        )
        or exists (
            select
            from raw.copies as copies
            where
                copies.feed_id = feeds.feed_id
                and copies.uri = found.uri
                and copies.file_version = found.file_version
        )
    );

-- is_loaded --
select exists(
    select
    from raw.loads as loads
    inner join raw.feeds as feeds on loads.feed_id = feeds.feed_id
    where
        feeds.feed = %(feed)s
        and loads.sha256 = %(sha256)s
        and loads.status = 'loaded'
) as is_there;

-- start_load --
-- One statement, because round trips are most of the time for a small file. The
-- advisory lock only saves a second loader the work; correctness rests on the unique
-- key of loads. An id is drawn only if the file can't be a copy of a loaded one.
with claim as materialized (
    select pg_try_advisory_xact_lock(hashtextextended(%(claimed)s, 0)) as is_claimed
)

select
    claim.is_claimed,
    case
        when
            claim.is_claimed
            and not exists (
                select
                from raw.loads as loads
                inner join raw.feeds as feeds on loads.feed_id = feeds.feed_id
                where
                    feeds.feed = %(feed)s
                    and loads.byte_count = %(byte_count)s
                    and loads.status = 'loaded'
            )
            then nextval(pg_get_serial_sequence('raw.loads', 'load_id'))
    end as load_id
-- The month may have ended since the run began.
from claim
cross join raw.ensure_partition();

-- wait_for_claim --
select pg_advisory_xact_lock(hashtextextended(%(claimed)s, 0));

-- new_load_id --
select nextval(pg_get_serial_sequence('raw.loads', 'load_id'));

-- ensure_partition --
select raw.ensure_partition();

-- keep_copy --
-- Records the copy, so that later runs don't read the file again.
insert into raw.copies (feed_id, uri, file_version, load_id)
select
    feeds.feed_id,
    %(uri)s,
    %(file_version)s,
    loads.load_id
from raw.feeds as feeds
inner join raw.loads as loads on feeds.feed_id = loads.feed_id
where
    feeds.feed = %(feed)s
    and loads.sha256 = %(sha256)s
    and loads.status = 'loaded'
-- Two loaders may find the same copy at the same time.
on conflict (feed_id, uri) do update set
    file_version = excluded.file_version,
    load_id = excluded.load_id,
    found_at = now();

-- insert_load --
insert into raw.loads (
    load_id,
    feed_id,
    uri,
    sha256,
    file_version,
    file_time,
    byte_count,
    status,
    record_count,
    row_count,
    rejected_line_count,
    unknown_fields,
    missing_fields,
    header,
    replays_load_id
)
overriding system value
select
    %(load_id)s,
    feeds.feed_id,
    %(uri)s,
    %(sha256)s,
    %(file_version)s,
    to_timestamp(nullif(%(modified)s::double precision, 0)),
    %(byte_count)s,
    'loaded',
    %(record_count)s,
    %(row_count)s,
    %(rejected_line_count)s,
    %(unknown_fields)s,
    %(missing_fields)s,
    %(header)s,
    %(replays_load_id)s
from raw.feeds as feeds
where feeds.feed = %(feed)s;

-- replace_failed --
-- The file that failed under this name has been corrected or replaced.
update raw.loads as loads set status = 'replaced'
from raw.feeds as feeds
where
    loads.feed_id = feeds.feed_id
    and feeds.feed = %(feed)s
    and loads.uri = %(uri)s
    and loads.status = 'failed';

-- keep_failed_again --
update raw.loads as loads set
    byte_count = %(byte_count)s,
    file_version = %(file_version)s,
    error = %(error)s,
    attempt_count = loads.attempt_count + 1,
    finished_at = clock_timestamp()
from raw.feeds as feeds
where
    loads.feed_id = feeds.feed_id
    and feeds.feed = %(feed)s
    and loads.uri = %(uri)s
    and loads.status = 'failed';

-- keep_failed --
insert into raw.loads as loads (feed_id, uri, byte_count, file_version, status, error)
select
    feeds.feed_id,
    %(uri)s,
    %(byte_count)s,
    %(file_version)s,
    'failed',
    %(error)s
from raw.feeds as feeds
where feeds.feed = %(feed)s
on conflict (feed_id, uri) where status = 'failed' do update set
    byte_count = excluded.byte_count,
    file_version = excluded.file_version,
    error = excluded.error,
    attempt_count = loads.attempt_count + 1,
    finished_at = clock_timestamp();

-- failed_load --
select
    uri,
    file_version
from raw.loads
where load_id = %(load_id)s and status = 'failed'
for update;

-- dismiss_failed --
update raw.loads set
    status = 'dismissed',
    file_version = %(file_version)s
where load_id = %(load_id)s;

-- loads_with_rejected_lines --
select
    loads.load_id,
    feeds.feed,
    loads.uri,
    loads.header,
    extract(epoch from loads.file_time)::double precision as modified
from raw.loads as loads
inner join raw.feeds as feeds on loads.feed_id = feeds.feed_id
where
    feeds.feed = any(%(feeds)s)
    and loads.status = 'loaded'
    and exists (
        select
        from raw.rejected_lines as rejected_lines
        where
            rejected_lines.load_id = loads.load_id
            and rejected_lines.replayed_by is null
    )
order by loads.load_id;

-- count_rejected_lines --
select count(*)
from raw.rejected_lines as rejected_lines
inner join raw.loads as loads on rejected_lines.load_id = loads.load_id
inner join raw.feeds as feeds on loads.feed_id = feeds.feed_id
where
    feeds.feed = any(%(feeds)s)
    and rejected_lines.replayed_by is null;

-- rejected_lines --
-- Complete lines only: of a line over the limit just the beginning is stored. Returns
-- the next lines that fit the memory limit, and at least one.
select
    line_number,
    line
from (
    select
        rejected_lines.line_number,
        rejected_lines.line,
        sum(rejected_lines.byte_count)
            over (order by rejected_lines.line_number) - rejected_lines.byte_count
            as bytes_before
    from raw.rejected_lines as rejected_lines
    where
        rejected_lines.load_id = %(load_id)s
        and rejected_lines.line_number > %(after)s
        and rejected_lines.replayed_by is null
        and rejected_lines.byte_count = octet_length(rejected_lines.line)
    order by rejected_lines.line_number
    limit %(most_lines)s
) as following
where bytes_before < %(most_bytes)s
order by line_number;

-- mark_replayed --
update raw.rejected_lines set replayed_by = %(replay_id)s
where
    load_id = %(load_id)s
    and line_number = any(%(line_numbers)s);

-- start_replay --
insert into raw.replay_requests (feed, requested_by)
values (%(feed)s, coalesce(%(requested_by)s::text, session_user))
returning request_id;

-- finish_replay --
update raw.replay_requests set
    line_count = %(line_count)s,
    finished_at = now()
where request_id = %(request_id)s;
