-- Keeps the declared funnels in the warehouse.

-- lock_funnels --
select pg_advisory_xact_lock(hashtextextended('raw.funnels', 0));

-- forget --
-- Those that are no longer declared.
delete from raw.funnels
where funnel <> all(%(names)s);

-- keep --
-- Writes only those that are new or whose declaration has changed.
insert into raw.funnels as kept (funnel, declaration)
select
    declared.funnel,
    declared.declaration
from jsonb_to_recordset(%(declared)s) as declared (funnel text, declaration jsonb)
on conflict (funnel) do update set
    declaration = excluded.declaration,
    updated_at = now()
where kept.declaration <> excluded.declaration;
