-- Erases a user from one model's table; names in braces are filled in.

-- delete --
with gone as (
    delete from {table} as kept
    where {condition}
    returning
        {load_id} as load_id,
        {apply_id} as apply_id,
        {event_count} as event_count
)

insert into ledger.removed_rows (
    deletion_id, table_name, how, load_id, apply_id, row_count, event_count
)
select
    %(deletion_id)s,
    %(table_name)s,
    %(how)s,
    gone.load_id,
    gone.apply_id,
    count(*) as row_count,
    sum(gone.event_count) as event_count
from gone
group by gone.load_id, gone.apply_id;

-- collect_moved --
create temporary table forgotten_counts on commit drop as
select {keys}, {sums}
from {table} as kept
where {condition}
group by {keys};

-- add_to_0 --
merge into {table} as kept
using forgotten_counts as moved
    on {same_keys} and kept.{column} = 0
when matched then update set {added}
when not matched then
    insert ({keys}, {column}, {counts})
    values ({moved_keys}, 0, {moved_counts});

-- drop_moved --
drop table forgotten_counts;

-- take_out --
with changed as (
    update {table} as kept set {column} = kept.{column} - 'user_id'
    where
        kept.tenant_id = %(tenant_id)s
        and kept.{column} ->> 'user_id' = %(user_id)s
    returning 1 as one
)

insert into ledger.removed_rows (deletion_id, table_name, how, row_count)
select
    %(deletion_id)s,
    %(table_name)s,
    'taken out' as how,
    count(*) as row_count
from changed
having count(*) > 0;

-- subtract --
with counted as (
    select
        {keys},
        sum(forgotten_key_values.event_count)::bigint as event_count
    from forgotten_key_values
    group by {keys}
),

lessened as (
    update {table} as kept set {column} = kept.{column} - counted.event_count
    from counted
    where {same_keys} and kept.{column} > counted.event_count
    returning 'taken out' as how
),

gone as (
    delete from {table} as kept
    using counted
    where {same_keys} and kept.{column} <= counted.event_count
    returning 'removed' as how
)

insert into ledger.removed_rows (deletion_id, table_name, how, row_count)
select
    %(deletion_id)s,
    %(table_name)s,
    changed.how,
    count(*) as row_count
from (
    select lessened.how from lessened
    union all
    select gone.how from gone
) as changed
group by changed.how;
