-- What becomes of a deletion, each statement under its name.

-- start --
-- Of a user who was deleted before, the same one again: what has come back goes.
insert into ledger.deletions as deletions (user_hash, tenant_id)
values (ledger.user_hash(%(tenant_id)s, %(user_id)s), %(tenant_id)s)
on conflict (user_hash) do update set finished_at = null
returning deletion_id;

-- days --
select
    lower(stretch),
    upper(stretch)
from ledger.deletions
cross join unnest(deletions.days) as stretch
where deletions.deletion_id = %(deletion_id)s;

-- finish --
update ledger.deletions set
    days = '{}',
    receipt = %(receipt)s,
    finished_at = now()
where deletion_id = %(deletion_id)s;
