-- A key means nobody once its user is gone, and who asks again by it is to be told so.
comment on column ledger.deletions.user_key is
'The key that the user had in analytics.dim_users, by which who knows no id completes
the deletion and asks whether it is done.';

-- Lines that were replayed ------------------------------------------------------------

-- A line that was rejected and read again is the record's: its bytes go with it.
create or replace function ledger.remove_deleted_rows(
    load_ids bigint[], line_numbers integer[]
) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
with arrived as (
    select load_id, line_number, received_at, replays_load_id
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
        arrived.replays_load_id,
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

replayed_lines as (
    delete from raw.rejected_lines
    using removed
    where
        rejected_lines.load_id = removed.replays_load_id
        and rejected_lines.replayed_by = removed.load_id
        and rejected_lines.line_number = removed.line_number
    returning rejected_lines.load_id, rejected_lines.replayed_by, removed.user_hash
),

counted as (
    select
        user_hash,
        'raw.events_raw' as table_name,
        load_id,
        null::bigint as replayed_by
    from removed
    union all
    select user_hash, 'raw.stripped_lines', load_id, null from removed_lines
    union all
    select user_hash, 'raw.rejected_lines', load_id, replayed_by from replayed_lines
)

insert into ledger.removed_rows (
    deletion_id, table_name, load_id, replayed_by, row_count
)
select
    deletions.deletion_id,
    counted.table_name,
    counted.load_id,
    counted.replayed_by,
    count(*)
from counted
inner join ledger.deletions using (user_hash)
group by 1, 2, 3, 4
$$;

create or replace function ledger.take_out_deleted_users(
    load_ids bigint[], line_numbers integer[]
) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
with arrived as (
    select load_id, line_number, received_at, replays_load_id
    from unnest(load_ids, line_numbers) as arrived (load_id, line_number)
    inner join raw.loads using (load_id)
),

named as (
    select
        events_raw.load_id,
        events_raw.line_number,
        events_raw.received_at,
        arrived.replays_load_id,
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
),

removed_lines as (
    delete from raw.stripped_lines
    using named
    where
        stripped_lines.load_id = named.load_id
        and stripped_lines.line_number = named.line_number
    returning named.deletion_id, stripped_lines.load_id
),

replayed_lines as (
    delete from raw.rejected_lines
    using named
    where
        rejected_lines.load_id = named.replays_load_id
        and rejected_lines.replayed_by = named.load_id
        and rejected_lines.line_number = named.line_number
    returning named.deletion_id, rejected_lines.load_id, rejected_lines.replayed_by
),

counted as (
    select
        deletion_id,
        'raw.events_raw' as table_name,
        'taken out' as how,
        load_id,
        null::bigint as replayed_by
    from taken_out
    union all
    select deletion_id, 'raw.stripped_lines', 'removed', load_id, null
    from removed_lines
    union all
    select deletion_id, 'raw.rejected_lines', 'removed', load_id, replayed_by
    from replayed_lines
)

insert into ledger.removed_rows (
    deletion_id, table_name, how, load_id, replayed_by, row_count
)
select deletion_id, table_name, how, load_id, replayed_by, count(*)
from counted
group by 1, 2, 3, 4, 5
$$;

-- What deletions have left until now: lines that were replayed whose record is gone,
-- though what arrives together expires together.
with gone as (
    delete from raw.rejected_lines
    where
        replayed_by in (
            select load_id from ledger.removed_rows
            where
                table_name = 'raw.events_raw'
                and how = 'removed'
                and deletion_id is not null
        )
        and not exists (
            select from raw.events_raw
            where
                events_raw.load_id = rejected_lines.replayed_by
                and events_raw.line_number = rejected_lines.line_number
        )
    returning load_id, replayed_by
)

insert into ledger.removed_rows (
    deletion_id, table_name, load_id, replayed_by, row_count
)
select
    (
        select min(removed_rows.deletion_id) from ledger.removed_rows
        where
            removed_rows.table_name = 'raw.events_raw'
            and removed_rows.load_id = gone.replayed_by
    ),
    'raw.rejected_lines',
    gone.load_id,
    gone.replayed_by,
    count(*)
from gone
group by gone.load_id, gone.replayed_by;

-- Values of keys ---------------------------------------------------------------------

comment on column ledger.removed_rows.how is
'removed: the row; moved to 0: its key, so that its counts stay; taken out: what it had
of the user, and the rest of the row stays.';

create table ledger.value_bounds (
    tenant_id text not null,
    key text not null,
    bound bigint not null,
    primary key (tenant_id, key)
);
comment on table ledger.value_bounds is
'From where on values of a key are not kept in analytics.fct_key_values, by their hash.
Grain: one row per tenant and key of which values were cut off.';
grant select, insert, update, delete on ledger.value_bounds to warehouse_transformer;

-- Keys that were cut off until now have a thousand values, the variable's value.
do $$
begin
    if to_regclass('analytics.fct_key_values') is not null then
        insert into ledger.value_bounds (tenant_id, key, bound)
        select tenant_id, key, max(value_hash) + 1
        from analytics.fct_key_values
        group by tenant_id, key
        having count(distinct value_hash) >= 1000 and max(value_hash) < 9223372036854775807;
    end if;
end
$$;
