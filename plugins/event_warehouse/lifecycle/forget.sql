-- What becomes of a deletion, each statement under its name.

-- user_of_key --
select
    dim_users.tenant_id,
    dim_users.user_id
from analytics.dim_users
where dim_users.user_key = %(user_key)s and dim_users.user_id is not null;

-- deletion_of_key --
select
    deletions.deletion_id,
    deletions.tenant_id
from ledger.deletions
where deletions.user_key = %(user_key)s and deletions.finished_at is null;

-- start --
-- Of a user who was deleted before, the same one again: what has come back goes.
with deletion as (
    insert into ledger.deletions as deletions (
        user_hash, tenant_id, user_key, requested_by
    )
    values (
        ledger.user_hash(%(tenant_id)s, %(user_id)s),
        %(tenant_id)s,
        (
            select dim_users.user_key
            from analytics.dim_users
            where
                dim_users.tenant_id = %(tenant_id)s and dim_users.user_id = %(user_id)s
        ),
        coalesce(%(requested_by)s::text, session_user)
    )
    on conflict (user_hash) do update
        set
            user_key = coalesce(excluded.user_key, deletions.user_key),
            finished_at = null
    returning deletion_id
),

request as (
    insert into ledger.deletion_requests (deletion_id, requested_by)
    select
        deletion.deletion_id,
        coalesce(%(requested_by)s::text, session_user) as requested_by
    from deletion
)

select deletion.deletion_id from deletion;

-- days --
select
    lower(stretch),
    upper(stretch)
from ledger.deletions
cross join unnest(deletions.days) as stretch
where deletions.deletion_id = %(deletion_id)s;

-- finish --
-- Those before, too, that were ended: what they asked for is done now.
with finished as (
    update ledger.deletions set
        days = '{}',
        user_key = null,
        receipt = %(receipt)s,
        finished_at = now()
    where deletion_id = %(deletion_id)s
    returning deletion_id, finished_at
)

update ledger.deletion_requests set finished_at = finished.finished_at
from finished
where
    deletion_requests.deletion_id = finished.deletion_id
    and deletion_requests.finished_at is null;
