-- The keeper takes away what has expired and who is to be forgotten. It works on dbt's
-- tables, so it has the transformer's rights, and deletes from raw, as nobody else may.
do $$
begin
    if not exists (select from pg_roles where rolname = 'warehouse_keeper') then
        create role warehouse_keeper nologin;
    end if;
    if not pg_has_role(current_user, 'warehouse_keeper', 'set') then
        grant warehouse_keeper to current_user with inherit true, set true;
    end if;
    if not pg_has_role('warehouse_keeper', 'warehouse_transformer', 'usage') then
        grant warehouse_transformer to warehouse_keeper with inherit true;
    end if;
end
$$;

create table ledger.expiries (
    expiry_id bigint generated always as identity primary key,
    events_before date check (extract(day from events_before) = 1),
    raw_before date check (extract(day from raw_before) = 1),
    requested_by text not null default session_user,
    expired_at timestamptz not null default now(),
    check (num_nonnulls(events_before, raw_before) > 0)
);
comment on table ledger.expiries is
'Grain: one row per expiry, of whole months (UTC).';
comment on column ledger.expiries.events_before is
'Events before it are gone, by their own time; null if it took none.';
comment on column ledger.expiries.raw_before is
'Records and rejects that arrived before it are gone; null if it took none.';

create function ledger.events_horizon() returns date
language sql stable
as $$
select max(events_before) from ledger.expiries
$$;
comment on function ledger.events_horizon is
'The first day (UTC) whose events are kept; null if none has expired.';

create function ledger.raw_horizon() returns date
language sql stable
as $$
select max(raw_before) from ledger.expiries
$$;
comment on function ledger.raw_horizon is
'The first day (UTC) whose arrivals are kept as text; null if none has expired.';

create table ledger.deletions (
    deletion_id bigint generated always as identity primary key,
    user_hash bytea not null unique,
    tenant_id text not null,
    days datemultirange not null default '{}',
    receipt jsonb,
    requested_by text not null default session_user,
    requested_at timestamptz not null default now(),
    finished_at timestamptz
);
comment on table ledger.deletions is
'Grain: one row per user who was deleted; the user''s id is not in it.';
comment on column ledger.deletions.user_hash is
'Keyed hash of tenant and user, by which records that arrive again are known.';
comment on column ledger.deletions.days is
'Days (UTC) that had the user''s events, to be made anew.';
comment on column ledger.deletions.receipt is
'What went where, and what stayed; null until the deletion is finished.';

create table ledger.removed_rows (
    expiry_id bigint references ledger.expiries,
    deletion_id bigint references ledger.deletions,
    table_name text not null,
    how text not null default 'removed'
    check (how in ('removed', 'moved to 0', 'taken out')),
    load_id bigint,
    apply_id bigint,
    replayed_by bigint,
    row_count bigint not null check (row_count > 0),
    check (num_nonnulls(expiry_id, deletion_id) = 1)
);
comment on table ledger.removed_rows is
'What went, counted in the transaction that took it.
Grain: one row per expiry or deletion, table, load, apply and replay, or several.';
comment on column ledger.removed_rows.how is
'removed: the row; moved to 0: its key, so that its counts stay; taken out: the
user''s id, and the rest of the row stays.';
create index removed_rows_load_id on ledger.removed_rows (load_id);

alter table ledger.models
add column forgets jsonb,
add column lacks_expiry_id bigint not null default 0;
comment on column ledger.models.forgets is
'How a user leaves the model''s table (macros/forgets.sql), as of the last run.';
comment on column ledger.models.lacks_expiry_id is
'Expiries up to this one took events that the model never had: it was made later.';

-- The hash is HMAC (RFC 2104), but that its two keys are random instead of made from
-- one. They are in the database, as a warehouse that is restored has to know whom it
-- has deleted; nobody but the owner can read them.
create table ledger.deletion_keys (
    inner_key bytea not null,
    outer_key bytea not null
);
create unique index deletion_keys_one_row on ledger.deletion_keys ((true));
insert into ledger.deletion_keys (inner_key, outer_key)
select
    string_agg(uuid_send(gen_random_uuid()), ''),
    string_agg(uuid_send(gen_random_uuid()), '')
from generate_series(1, 4);
comment on table ledger.deletion_keys is
'What the hashes of deleted users are made with. Without it they tell nothing.';

create function ledger.user_hash(tenant_id text, user_id text) returns bytea
language sql stable strict parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
select sha256(outer_key || sha256(
    inner_key || convert_to(length(tenant_id) || ':' || tenant_id || user_id, 'UTF8')
))
from ledger.deletion_keys
$$;
comment on function ledger.user_hash is 'By which a deleted user is known again.';

create function ledger.is_deleted(tenant_id text, user_id text) returns boolean
language sql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
select exists (
    select from ledger.deletions
    -- By the function's name: deletions has a tenant_id, too.
    where
        deletions.user_hash
        = ledger.user_hash(is_deleted.tenant_id, is_deleted.user_id)
)
$$;
comment on function ledger.is_deleted is 'True if the user was deleted.';

create function ledger.why_no_full_refresh() returns text
language sql stable
as $$
select
    'events or records have expired, which a full refresh could not make anew: '
    'facts and rollups would lose them. Make days anew from the events that are '
    'kept instead: warehouse rebuild --start '
    || coalesce(ledger.events_horizon(), date '1970-01-01')
from ledger.expiries
limit 1
$$;
comment on function ledger.why_no_full_refresh is
'Why no model may be emptied and filled again; null if it may.';

-- Partitions -------------------------------------------------------------------------

create function ledger.partitions_before(parent regclass, horizon date)
returns setof regclass
language sql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
select pg_class.oid::regclass
from pg_inherits
inner join pg_class on pg_class.oid = pg_inherits.inhrelid
where
    pg_inherits.inhparent = parent
    and substring(
        pg_get_expr(pg_class.relpartbound, pg_class.oid) from $re$TO \('([^']+)'\)$re$
    )::timestamptz <= horizon
order by pg_class.relname
$$;
comment on function ledger.partitions_before is
'The parent''s partitions that end at the day (UTC) or before it.';

create function ledger.lock_partitions(parent regclass, horizon date) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    partition_table regclass;
begin
    for partition_table in select * from ledger.partitions_before(parent, horizon) loop
        execute format('lock table %s in share mode', partition_table);
    end loop;
end
$$;
comment on function ledger.lock_partitions is
'Until the transaction ends nobody writes into these; readers are not held up.';

create function ledger.drop_partitions(parent regclass, horizon date) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    partition_table regclass;
begin
    if horizon is null then
        return;
    end if;
    -- The parent first, as whoever else locks both does.
    execute format('lock table %s in access exclusive mode', parent);
    for partition_table in select * from ledger.partitions_before(parent, horizon) loop
        execute format('drop table %s', partition_table);
    end loop;
end
$$;
comment on function ledger.drop_partitions is
'Drops the parent''s partitions that end at the day (UTC) or before it.';

create function raw.lock_partitions(horizon date) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
select ledger.lock_partitions('raw.events_raw', horizon)
$$;

create function raw.drop_partitions(horizon date) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
select ledger.drop_partitions('raw.events_raw', horizon)
$$;
comment on function raw.lock_partitions is
'As ledger.lock_partitions; the keeper does not own raw''s.';
comment on function raw.drop_partitions is
'As ledger.drop_partitions; the keeper does not own raw''s.';

-- Records of deleted users that arrive again -----------------------------------------

-- Rows come as arrays and not from a table of dbt's, as who could make that table a
-- view would have its functions run by the owner.
create function ledger.remove_deleted_rows(
    load_ids bigint[], line_numbers integer[]
) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
with arrived as (
    select load_id, line_number, received_at
    from unnest(load_ids, line_numbers) as arrived (load_id, line_number)
    inner join raw.loads using (load_id)
),

removed as (
    delete from raw.events_raw
    using arrived
    where
        events_raw.load_id = arrived.load_id
        and events_raw.line_number = arrived.line_number
        and events_raw.received_at >= (select min(received_at) from arrived)
        and ledger.is_deleted(events_raw.tenant_id, events_raw.user_id)
    returning
        events_raw.load_id,
        events_raw.line_number,
        ledger.user_hash(events_raw.tenant_id, events_raw.user_id) as user_hash
),

removed_lines as (
    delete from raw.stripped_lines
    using removed
    where
        stripped_lines.load_id = removed.load_id
        and stripped_lines.line_number = removed.line_number
    returning stripped_lines.load_id, removed.user_hash
),

counted as (
    select user_hash, 'raw.events_raw' as table_name, load_id from removed
    union all
    select user_hash, 'raw.stripped_lines' as table_name, load_id from removed_lines
)

insert into ledger.removed_rows (deletion_id, table_name, load_id, row_count)
select deletions.deletion_id, counted.table_name, counted.load_id, count(*)
from counted
inner join ledger.deletions using (user_hash)
group by 1, 2, 3
$$;
comment on function ledger.remove_deleted_rows is
'Takes these rows of raw away, if they are of deleted users, and counts them.';

create function ledger.take_out_deleted_users(
    load_ids bigint[], line_numbers integer[]
) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
with arrived as (
    select load_id, line_number, received_at
    from unnest(load_ids, line_numbers) as arrived (load_id, line_number)
    inner join raw.loads using (load_id)
),

named as (
    select
        events_raw.load_id,
        events_raw.line_number,
        events_raw.received_at,
        deletions.deletion_id
    from raw.events_raw
    inner join arrived using (load_id, line_number)
    inner join ledger.deletions
        on ledger.user_hash(events_raw.tenant_id, events_raw.user_id)
        = deletions.user_hash
    where events_raw.received_at >= (select min(received_at) from arrived)
),

taken_out as (
    update raw.events_raw set user_id = null
    from named
    where
        events_raw.load_id = named.load_id
        and events_raw.line_number = named.line_number
        and events_raw.received_at = named.received_at
    returning named.deletion_id, events_raw.load_id
)

insert into ledger.removed_rows (deletion_id, table_name, how, load_id, row_count)
select deletion_id, 'raw.events_raw', 'taken out', load_id, count(*)
from taken_out
group by 1, 4
$$;
comment on function ledger.take_out_deleted_users is
'Takes the user''s id out of these rows of raw, if it is of a deleted user.';

-- Who may do what --------------------------------------------------------------------

revoke execute on function
raw.lock_partitions,
raw.drop_partitions,
ledger.user_hash,
ledger.is_deleted,
ledger.remove_deleted_rows,
ledger.take_out_deleted_users
from public;
grant execute on function raw.lock_partitions, raw.drop_partitions to warehouse_keeper;
grant execute on function ledger.user_hash to warehouse_keeper;
grant execute on function
ledger.is_deleted, ledger.remove_deleted_rows, ledger.take_out_deleted_users
to warehouse_transformer;

grant select on ledger.expiries, ledger.removed_rows to warehouse_transformer;
grant select (deletion_id, tenant_id, finished_at) on ledger.deletions
to warehouse_transformer;
-- It looks through all of them for what is left of a user.
grant select on all tables in schema raw, ledger to warehouse_keeper;
revoke select on ledger.deletion_keys from warehouse_keeper;
grant insert on ledger.expiries, ledger.removed_rows to warehouse_keeper;
grant insert, update on ledger.deletions to warehouse_keeper;
grant delete on raw.events_raw, raw.rejected_lines, raw.stripped_lines
to warehouse_keeper;
grant update (user_id) on raw.events_raw to warehouse_keeper;
