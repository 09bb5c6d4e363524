-- Statements of the loader, each under its name.

-- has_feed --
select exists(
    select from raw.feeds
    where feed = %(feed)s and declaration = %(declaration)s
) as is_there;

-- lock_feeds --
select pg_advisory_xact_lock(hashtextextended('raw.feeds', 0));

-- keep_feed --
-- A merge, because an insert that ends in its conflict clause uses up an id each time.
merge into raw.feeds as feeds
using (select %(feed)s::text as feed, %(declaration)s::jsonb as declaration) as declared
    on feeds.feed = declared.feed
when matched then
    update set declaration = declared.declaration, updated_at = now()
when not matched then
    insert (feed, declaration) values (declared.feed, declared.declaration);

-- loaded_versions --
select
    loads.uri,
    loads.file_version
from raw.loads as loads
inner join raw.feeds as feeds on loads.feed_id = feeds.feed_id
where
    feeds.feed = %(feed)s
    and loads.uri = any(%(uris)s)
    and loads.status = 'loaded'
    and loads.file_version is not null;

-- has_loaded_bytes --
select exists(
    select
    from raw.loads as loads
    inner join raw.feeds as feeds on loads.feed_id = feeds.feed_id
    where
        feeds.feed = %(feed)s
        and loads.byte_count = %(byte_count)s
        and loads.status = 'loaded'
) as is_there;

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

-- claim --
-- Saves a second loader the work; what makes it safe is the unique key of loads.
select pg_try_advisory_xact_lock(hashtextextended(%(claimed)s, 0));

-- new_load_id --
select nextval(pg_get_serial_sequence('raw.loads', 'load_id'));

-- ensure_partition --
select raw.ensure_partition();

-- insert_load --
insert into raw.loads (
    load_id,
    feed_id,
    uri,
    sha256,
    file_version,
    byte_count,
    status,
    record_count,
    row_count,
    rejected_line_count
)
overriding system value
select
    %(load_id)s,
    feeds.feed_id,
    %(uri)s,
    %(sha256)s,
    %(file_version)s,
    %(byte_count)s,
    'loaded',
    %(record_count)s,
    %(row_count)s,
    %(rejected_line_count)s
from raw.feeds as feeds
where feeds.feed = %(feed)s;

-- replace_failed --
-- What failed under this name has been mended or exchanged.
update raw.loads as loads set status = 'replaced'
from raw.feeds as feeds
where
    loads.feed_id = feeds.feed_id
    and feeds.feed = %(feed)s
    and loads.uri = %(uri)s
    and loads.status = 'failed';

-- keep_failed --
insert into raw.loads as loads (feed_id, uri, byte_count, status, error)
select
    feeds.feed_id,
    %(uri)s,
    %(byte_count)s,
    'failed',
    %(error)s
from raw.feeds as feeds
where feeds.feed = %(feed)s
on conflict (feed_id, uri) where status = 'failed' do update set
    byte_count = excluded.byte_count,
    error = excluded.error,
    attempt_count = loads.attempt_count + 1,
    finished_at = clock_timestamp();

-- dismiss_failed --
update raw.loads set status = 'dismissed'
where load_id = %(load_id)s and status = 'failed'
returning uri;
