-- Roles by what they may do. A login is granted one of them and acts as it.
do $$
declare
    role_name text;
begin
    foreach role_name in array
        array['warehouse_loader', 'warehouse_transformer', 'warehouse_reader']
    loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I nologin', role_name);
        end if;
        if not pg_has_role(current_user, role_name, 'set') then
            execute format(
                'grant %I to current_user with inherit true, set true', role_name
            );
        end if;
    end loop;
    -- Whatever the server's defaults, text of times means the same.
    execute format('alter database %I set timezone to ''UTC''', current_database());
    execute format(
        'alter database %I set datestyle to ''ISO, YMD''', current_database()
    );
end
$$;

create schema raw;
create schema analytics authorization warehouse_transformer;
create schema marts authorization warehouse_transformer;

comment on schema raw is 'What arrived, as text; owned by the migrations.';
comment on schema ledger is 'Which applies each model has taken in.';
comment on schema analytics is 'Typed events, dimensions, facts, rollups; dbt''s.';
comment on schema marts is 'What BI tools read; dbt''s.';

-- Raw ------------------------------------------------------------------------------

create table raw.feeds (
    feed_id smallint generated always as identity primary key,
    feed text not null unique,
    declaration jsonb not null,
    updated_at timestamptz not null default now()
);
comment on table raw.feeds is
'The declared feeds as of the last load. Grain: one row per feed.';

create table raw.loads (
    load_id bigint generated always as identity primary key,
    feed_id smallint not null references raw.feeds,
    uri text not null,
    sha256 text,
    file_version text,
    byte_count bigint,
    status text not null
    check (status in ('loaded', 'failed', 'replaced', 'dismissed')),
    record_count bigint,
    row_count bigint,
    rejected_line_count bigint,
    error text,
    attempt_count integer not null default 1,
    received_at timestamptz not null default now(),
    finished_at timestamptz not null default clock_timestamp(),
    check (
        status <> 'loaded'
        or num_nulls(
            sha256, byte_count, record_count, row_count, rejected_line_count
        ) = 0
    ),
    check (record_count = row_count + rejected_line_count)
);
comment on table raw.loads is
'One row per file content that was loaded, and one per file that failed.';
comment on column raw.loads.sha256 is
'Of the file''s bytes as they are stored. With the feed, what makes a file new.';
comment on column raw.loads.file_version is
'What tells without reading that a file is unchanged, such as size and mtime.';
comment on column raw.loads.record_count is
'The records that the reader found: rows of events_raw and rejected lines.';
comment on column raw.loads.received_at is
'Start of the transaction that loaded the file, the same as in its rows.';

-- The fence between loaders: of two with the same content, one can commit.
create unique index loads_content on raw.loads (feed_id, sha256)
where status = 'loaded';
create unique index loads_failed on raw.loads (feed_id, uri)
where status = 'failed';
create index loads_uri on raw.loads (feed_id, uri);
create index loads_byte_count on raw.loads (feed_id, byte_count)
where status = 'loaded';

create table raw.events_raw (
    load_id bigint not null,
    line_number integer not null,
    received_at timestamptz not null default now(),
    tenant_id varchar,
    event_id varchar,
    event_type varchar,
    event_time varchar,
    user_id varchar,
    entity_id varchar,
    session_id varchar,
    device_id varchar,
    country varchar,
    browser varchar,
    platform varchar,
    environment varchar,
    service varchar,
    sample_rate varchar,
    attributes varchar
) partition by range (received_at);
comment on table raw.events_raw is
'Every record as text, so that no bad type loses it. Grain: one row per record.';
comment on column raw.events_raw.line_number is
'Line of the file on which the record starts; the first line is 1.';
comment on column raw.events_raw.attributes is
'JSON object of the input fields that are no event field.';

-- Summaries of page ranges, not entries per row: a load's rows are found again at no
-- cost worth naming to the load (a unique index would halve its speed).
create index events_raw_load_id on raw.events_raw
using brin (load_id) with (pages_per_range = 32, autosummarize = on);

create table raw.rejected_lines (
    load_id bigint not null,
    line_number integer not null,
    reason text not null,
    byte_count bigint not null,
    line bytea not null,
    received_at timestamptz not null default now(),
    primary key (load_id, line_number)
);
comment on table raw.rejected_lines is
'Lines that can''t be split into fields. Grain: one row per line.';
comment on column raw.rejected_lines.line is
'The line''s bytes; of one over the size limit its beginning (byte_count is whole).';

-- A partition is made beside its table and then attached: attaching does not lock
-- readers out, creating it in place would.
create function ledger.ensure_partition(parent regclass, month date) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    parent_schema text;
    parent_table text;
    partition_table text;
    fixed_column record;
begin
    select nspname, relname into strict parent_schema, parent_table
    from pg_class join pg_namespace on pg_namespace.oid = pg_class.relnamespace
    where pg_class.oid = parent;
    month := date_trunc('month', month)::date;
    partition_table := parent_table || to_char(month, '"_"YYYY"_"MM');
    if to_regclass(format('%I.%I', parent_schema, partition_table)) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtextextended(partition_table, parent::bigint));
    -- A query, which sees what was committed while the lock was waited for;
    -- to_regclass answers from a cache that does not yet know.
    if exists (
        select from pg_class
        where relnamespace = parent_schema::regnamespace
            and relname = partition_table
    ) then
        return;
    end if;
    execute format(
        'create table %I.%I (like %s including all)',
        parent_schema, partition_table, parent
    );
    -- The one property of columns that LIKE leaves out.
    for fixed_column in
        select attname, attstattarget from pg_attribute
        where attrelid = parent and attnum > 0 and attstattarget >= 0
    loop
        execute format(
            'alter table %I.%I alter column %I set statistics %s',
            parent_schema, partition_table,
            fixed_column.attname, fixed_column.attstattarget
        );
    end loop;
    execute format(
        'alter table %s attach partition %I.%I for values from (%L) to (%L)',
        parent, parent_schema, partition_table,
        month, (month + interval '1 month')::date
    );
end
$$;
comment on function ledger.ensure_partition is
'Makes the parent''s partition for a month (UTC) unless it is there.';

create function raw.ensure_partition() returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
select ledger.ensure_partition('raw.events_raw', now()::date)
$$;
comment on function raw.ensure_partition is
'The partition that a load of this transaction writes to; loaders do not own it.';

-- The ledgers ------------------------------------------------------------------------

create table ledger.applies (
    apply_id bigint generated always as identity primary key,
    load_id bigint not null references raw.loads,
    kind text not null default 'load' check (kind in ('load', 'replay')),
    event_months date[],
    created_at timestamptz not null default now()
);
comment on table ledger.applies is
'Grain: one row per apply, which is a load''s first application or one replay.';
comment on column ledger.applies.event_months is
'Months (UTC) of the apply''s events: the partitions that hold them.';
create index applies_load_id on ledger.applies (load_id);

create table ledger.models (
    model text primary key,
    applies int8multirange not null default '{}',
    applied_at timestamptz not null default now()
);
comment on table ledger.models is
'The set of applies that each model has taken in, written with its rows.';

-- Unlogged like the batches themselves: a crash empties both, so that no model can
-- take an emptied batch for an applied one.
create unlogged table ledger.batches (like ledger.models including all);
comment on table ledger.batches is
'The set of applies that each batch holds just now.';

create function ledger.applied(model_name text) returns int8multirange
language sql stable
as $$
select coalesce(
    (select applies from ledger.models where model = model_name),
    (select applies from ledger.batches where model = model_name),
    '{}'
)
$$;
comment on function ledger.applied is 'The applies that a model or batch holds.';

-- Looks only into the gaps of what is known: the cost follows what is new, and an id
-- that commits late, after higher ones, still stands in a gap.
create function ledger.loads_without_apply() returns setof bigint
language sql stable
as $$
select loads.load_id
from unnest(
    '{[1,)}'::int8multirange - ledger.applied('ledger.applies')
) as gap
inner join raw.loads as loads
    on loads.load_id >= lower(gap)
    and (upper_inf(gap) or loads.load_id < upper(gap))
where loads.status = 'loaded'
order by loads.load_id
$$;
comment on function ledger.loads_without_apply is
'Loads that no apply stands for yet, ascending.';

-- Models call these so that they read as what they mean; the materialisations put
-- constants in their place, which the planner can prune partitions with.
create function ledger.is_pending(apply_id bigint) returns boolean
language sql stable
as $$
select apply_id <@ coalesce(
    nullif(current_setting('warehouse.pending', true), ''), '{}'
)::int8multirange
$$;

create function ledger.is_pending(apply_id bigint, event_time timestamptz)
returns boolean
language sql stable
as $$
select ledger.is_pending(apply_id) and event_time is not null
$$;

create function ledger.is_pending_load(load_id bigint, received_at timestamptz)
returns boolean
language sql stable
as $$
select received_at is not null and load_id <@ coalesce(
    nullif(current_setting('warehouse.pending_loads', true), ''), '{}'
)::int8multirange
$$;
comment on function ledger.is_pending(bigint) is
'True for applies that the model being run has yet to take in.';
comment on function ledger.is_pending(bigint, timestamptz) is
'The same for rows with an event time, whose partition it tells.';
comment on function ledger.is_pending_load is
'True for rows of raw whose load is in the pending applies.';

-- Who may do what --------------------------------------------------------------------

grant usage on schema raw to warehouse_loader, warehouse_transformer;
grant select, insert, update on raw.feeds, raw.loads to warehouse_loader;
grant select, insert on raw.events_raw, raw.rejected_lines to warehouse_loader;
grant usage on all sequences in schema raw to warehouse_loader;
grant select on all tables in schema raw to warehouse_transformer;
revoke execute on function raw.ensure_partition from public;
grant execute on function raw.ensure_partition to warehouse_loader;

grant usage on schema ledger to warehouse_transformer;
grant select, insert, update, delete on ledger.models, ledger.batches
to warehouse_transformer;
grant select, insert, update on ledger.applies to warehouse_transformer;

grant usage on schema marts to warehouse_reader;
alter default privileges for role warehouse_transformer in schema marts
grant select on tables to warehouse_reader;
