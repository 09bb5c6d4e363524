-- Statements for backup and restore, each under its name.

-- batches --
select pg_namespace.nspname || '.' || pg_class.relname as batch
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    pg_namespace.nspname = 'analytics'
    and pg_class.relkind = 'r'
    and pg_class.relpersistence = 'u';

-- is_used --
select exists (select from raw.feeds) or exists (select from raw.loads);

-- newest_load --
select to_char(max(loads.finished_at), 'YYYY-MM-DD HH24:MI "UTC"')
from raw.loads;

-- drop_schemas --
drop schema raw cascade;
drop schema ledger cascade;
drop schema analytics cascade;
drop schema marts cascade;
drop schema sketch cascade;
drop schema access cascade;
drop schema funnels cascade;
