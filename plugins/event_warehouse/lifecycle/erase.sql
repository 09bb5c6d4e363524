-- The deletion's statements, each under its name. They first collect what to delete, as
-- the rows that identify it are deleted too.

-- collect_records --
-- Scans raw, because nothing else knows the user of a rejected record.
create temporary table forgotten_records on commit drop as
with

applied as (
    select
        stg_applies.load_id,
        bool_or(stg_applies.is_reference) as is_reference
    from analytics.stg_applies as stg_applies
    group by 1
)

select
    events_raw.load_id,
    events_raw.line_number,
    applied.is_reference
from raw.events_raw
inner join applied using (load_id)
where events_raw.tenant_id = %(tenant_id)s and events_raw.user_id = %(user_id)s;

-- collect_values --
-- A device or session that also occurs with another user, or without one, is not the
-- user's own.
create temporary table forgotten_values on commit drop as
with

users_events as (
    select
        events.device_id,
        events.session_id
    from analytics.events as events
    where events.tenant_id = %(tenant_id)s and events.user_id = %(user_id)s
),

named as (
    select distinct 'device_id' as column_name, device_id as value
    from users_events
    where device_id is not null
    union all
    select distinct 'session_id' as column_name, session_id as value
    from users_events
    where session_id is not null
),

shared as (
    select 'device_id' as column_name, events.device_id as value
    from analytics.events as events
    where
        events.tenant_id = %(tenant_id)s
        and events.user_id is distinct from %(user_id)s
        and events.device_id in (select device_id from users_events)
    union
    select 'session_id' as column_name, events.session_id as value
    from analytics.events as events
    where
        events.tenant_id = %(tenant_id)s
        and events.user_id is distinct from %(user_id)s
        and events.session_id in (select session_id from users_events)
)

select named.column_name, named.value from named
except
select shared.column_name, shared.value from shared
union all
select 'user_id' as column_name, %(user_id)s as value;

-- collect_keys --
insert into forgotten_values (column_name, value)
select
    'user_key' as column_name,
    dim_users.user_key::text as value
from analytics.dim_users
inner join forgotten_values
    on
        dim_users.user_id = forgotten_values.value
        and forgotten_values.column_name = 'user_id'
where dim_users.tenant_id = %(tenant_id)s
union all
select
    'device_key' as column_name,
    dim_devices.device_key::text as value
from analytics.dim_devices
inner join forgotten_values
    on
        dim_devices.device_id = forgotten_values.value
        and forgotten_values.column_name = 'device_id'
where dim_devices.tenant_id = %(tenant_id)s;

-- collect_visitors --
-- As a visitor, a device has its key negated (models/core/_visitors.md).
insert into forgotten_values (column_name, value)
select
    'visitor_key' as column_name,
    case forgotten_values.column_name when 'device_key' then '-' else '' end
    || forgotten_values.value as value
from forgotten_values
where forgotten_values.column_name in ('user_key', 'device_key');

-- collect_key_values --
-- Before the events are deleted. Whose the expired values are is no longer known.
create temporary table forgotten_key_values on commit drop as
select
    pairs.tenant_id,
    pairs.key,
    pairs.event_type,
    pairs.value,
    pairs.value_hash,
    count(*) as event_count
from analytics.int_event_key_values as pairs
where pairs.tenant_id = %(tenant_id)s and pairs.user_id = %(user_id)s
group by 1, 2, 3, 4, 5;

-- note_days --
with

active as (
    select distinct (events.event_time at time zone 'UTC')::date as event_date
    from analytics.events as events
    where events.tenant_id = %(tenant_id)s and events.user_id = %(user_id)s
),

stretches as (
    select range_agg(daterange(active.event_date, active.event_date, '[]')) as days
    from active
)

update ledger.deletions set days = deletions.days + stretches.days
from stretches
where deletions.deletion_id = %(deletion_id)s and stretches.days is not null;

-- tables --
select
    models.model,
    models.forgets
from ledger.models
where models.forgets is not null
order by 1;

-- columns --
select
    pg_attribute.attname,
    format_type(pg_attribute.atttypid, null) as data_type
from pg_attribute
where
    pg_attribute.attrelid = %(table)s::regclass
    and pg_attribute.attnum > 0
    and not pg_attribute.attisdropped
order by pg_attribute.attnum;

-- value_bounds --
-- Deletes the bounds of keys that only the user had.
delete from ledger.value_bounds as kept
where
    kept.tenant_id = %(tenant_id)s
    and not exists (
        select from analytics.fct_keys
        where kept.tenant_id = fct_keys.tenant_id and kept.key = fct_keys.key
    );

-- raw_events --
with gone as (
    delete from raw.events_raw as kept
    using forgotten_records
    where
        kept.load_id = forgotten_records.load_id
        and kept.line_number = forgotten_records.line_number
        and not forgotten_records.is_reference
    returning kept.load_id
)

insert into ledger.removed_rows (deletion_id, table_name, load_id, row_count)
select
    %(deletion_id)s,
    'raw.events_raw' as table_name,
    gone.load_id,
    count(*) as row_count
from gone
group by gone.load_id;

-- raw_references --
with changed as (
    update raw.events_raw as kept set user_id = null
    from forgotten_records
    where
        kept.load_id = forgotten_records.load_id
        and kept.line_number = forgotten_records.line_number
        and forgotten_records.is_reference
    returning kept.load_id
)

insert into ledger.removed_rows (deletion_id, table_name, how, load_id, row_count)
select
    %(deletion_id)s,
    'raw.events_raw' as table_name,
    'taken out' as how,
    changed.load_id,
    count(*) as row_count
from changed
group by changed.load_id;

-- raw_lines --
with gone as (
    delete from raw.stripped_lines as kept
    using forgotten_records
    where
        kept.load_id = forgotten_records.load_id
        and kept.line_number = forgotten_records.line_number
    returning kept.load_id
)

insert into ledger.removed_rows (deletion_id, table_name, load_id, row_count)
select
    %(deletion_id)s,
    'raw.stripped_lines' as table_name,
    gone.load_id,
    count(*) as row_count
from gone
group by gone.load_id;

-- replayed_lines --
-- The original bytes of replayed records, which keep their line's number.
with gone as (
    delete from raw.rejected_lines as kept
    using forgotten_records
    inner join raw.loads as replays using (load_id)
    where
        kept.load_id = replays.replays_load_id
        and kept.replayed_by = replays.load_id
        and kept.line_number = forgotten_records.line_number
    returning kept.load_id, kept.replayed_by
)

insert into ledger.removed_rows (
    deletion_id, table_name, load_id, replayed_by, row_count
)
select
    %(deletion_id)s,
    'raw.rejected_lines' as table_name,
    gone.load_id,
    gone.replayed_by,
    count(*) as row_count
from gone
group by gone.load_id, gone.replayed_by;

-- batches --
select
    pg_namespace.nspname,
    pg_class.relname
from ledger.batches
inner join pg_class on batches.model = pg_class.relname
inner join pg_namespace
    on
        pg_class.relnamespace = pg_namespace.oid
        and pg_namespace.nspname = 'analytics'
where pg_class.relpersistence = 'u';

-- forget_batches --
delete from ledger.batches;
