-- How a user leaves one model's table; its names stand in braces.

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
