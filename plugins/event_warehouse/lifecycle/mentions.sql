-- Where to search for a text.

-- columns --
-- Tables only, neither views nor partitions.
select
    pg_namespace.nspname,
    pg_class.relname,
    pg_class.oid in (
        select tenants.attrelid
        from pg_attribute as tenants
        where tenants.attname = 'tenant_id'
    ) as has_tenant,
    pg_attribute.attname,
    pg_attribute.atttypid = 'bytea'::regtype as is_bytes
from pg_attribute
inner join pg_class on pg_attribute.attrelid = pg_class.oid
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
inner join pg_type on pg_attribute.atttypid = pg_type.oid
where
    pg_namespace.nspname in ('raw', 'ledger', 'analytics', 'marts')
    and pg_class.relkind in ('r', 'p')
    and not pg_class.relispartition
    and has_column_privilege(pg_class.oid, pg_attribute.attnum, 'select')
    and pg_attribute.attnum > 0
    and not pg_attribute.attisdropped
    and (
        pg_type.typcategory = 'S'
        or pg_type.typname in ('bytea', 'json', 'jsonb', '_text', '_varchar')
    )
order by 1, 2, 3, 4;

-- unread --
-- Tables that the keeper may not read; deletion_keys contains no data of any user.
select pg_namespace.nspname || '.' || pg_class.relname as unread_table
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    pg_namespace.nspname in ('raw', 'ledger', 'analytics', 'marts')
    and pg_class.relkind in ('r', 'p')
    and not pg_class.relispartition
    and pg_class.relname <> 'deletion_keys'
    and not has_table_privilege(pg_class.oid, 'select')
order by 1;
