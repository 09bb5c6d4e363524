-- Statements that start, check and finish a deletion, each under its name.

-- user_of_key --
select
    dim_users.tenant_id,
    dim_users.user_id
from analytics.dim_users
where dim_users.user_key = %(user_key)s and dim_users.user_id is not null;

-- deletion_of_key --
-- With its receipt only if it is finished: of a user who came back and is being deleted
-- again, the row still has the old one.
select
    deletions.deletion_id,
    deletions.tenant_id,
    case when deletions.finished_at is not null then deletions.receipt end as receipt
from ledger.deletions
where deletions.user_key = %(user_key)s
order by deletions.finished_at desc nulls first
limit 1;

-- start --
-- A user who was deleted before gets the same deletion again, which removes what has
-- come back.
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

-- is_known --
-- True if anything was removed, or the user was deleted before, or there is something
-- that a deletion doesn't remove: a load that is not applied, a line that can't be
-- split.
select
    exists (
        select from ledger.removed_rows
        where removed_rows.deletion_id = %(deletion_id)s
    )
    or (
        select count(*) > 1 from ledger.deletion_requests
        where deletion_requests.deletion_id = %(deletion_id)s
    )
    or exists (
        select from raw.events_raw
        where
            events_raw.tenant_id = %(tenant_id)s
            and events_raw.user_id = %(user_id)s
    )
    or exists (
        select
        from raw.rejected_lines
        cross join unnest(%(forms)s::text[]) as forms (form)
        where
            position(convert_to(forms.form, 'UTF8') in rejected_lines.line) > 0
            and encode(rejected_lines.line, 'escape') ~ %(pattern)s
    );

-- count_pending_loads --
select count(*) from ledger.loads_without_apply();

-- days --
select
    lower(stretch),
    upper(stretch)
from ledger.deletions
cross join unnest(deletions.days) as stretch
where deletions.deletion_id = %(deletion_id)s;

-- finish --
-- Also finishes earlier requests that were interrupted: their user is deleted now.
with finished as (
    update ledger.deletions set
        days = '{}',
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
