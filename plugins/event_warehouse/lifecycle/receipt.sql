-- The data of a receipt.

-- head --
select
    deletions.requested_by,
    deletions.requested_at::text,
    ledger.events_horizon()::text as events_before,
    ledger.raw_horizon()::text as raw_before
from ledger.deletions
where deletions.deletion_id = %(deletion_id)s;

-- counts --
select
    removed_rows.table_name,
    removed_rows.how,
    sum(removed_rows.row_count)::bigint as row_count
from ledger.removed_rows
where removed_rows.deletion_id = %(deletion_id)s
group by 1, 2
order by 1, 2;

-- files --
-- For a replay, the file whose lines it read again; plus every copy that was found.
with recursive

loads_of_user as (
    select distinct removed_rows.load_id
    from ledger.removed_rows
    where
        removed_rows.deletion_id = %(deletion_id)s
        and removed_rows.load_id is not null
    union
    select loads.replays_load_id as load_id
    from loads_of_user
    inner join raw.loads as loads using (load_id)
    where loads.replays_load_id is not null
)

select
    loads.load_id,
    loads.uri
from loads_of_user
inner join raw.loads as loads using (load_id)
where loads.replays_load_id is null
union
select
    copies.load_id,
    copies.uri
from loads_of_user
inner join raw.copies as copies using (load_id)
order by 1, 2;
