-- Somebody's own table or view in marts made each run fail at its end: only its owner
-- can grant what is granted on dbt's.
create or replace view access.readable as
with recursive

relations as (
    select
        pg_class.oid,
        pg_class.relname,
        pg_class.relnamespace = to_regnamespace('marts') as is_mart,
        pg_class.relkind = 'v'
        and pg_class.reloptions @> array['security_invoker=true'] as asks_as_reader,
        pg_class.relforcerowsecurity as is_guarded,
        pg_attribute.attname is not null as has_tenant,
        pg_class.relname ~ '^(stg|int)_' as is_internal
    from pg_class
    left join pg_attribute
        on
            pg_class.oid = pg_attribute.attrelid
            and pg_attribute.attname = 'tenant_id'
            and not pg_attribute.attisdropped
    where
        pg_class.relnamespace in (
            to_regnamespace('analytics'), to_regnamespace('marts')
        )
        and pg_class.relkind in ('r', 'p', 'v')
        and pg_class.relpersistence = 'p'
        and not pg_class.relispartition
        and pg_class.relowner = to_regrole('warehouse_transformer')
),

beneath_marts as (
    select relations.oid
    from relations
    where relations.is_mart and relations.asks_as_reader
    union
    select pg_depend.refobjid as oid
    from beneath_marts
    inner join pg_rewrite on beneath_marts.oid = pg_rewrite.ev_class
    inner join pg_depend
        on
            pg_rewrite.oid = pg_depend.objid
            and pg_depend.classid = 'pg_rewrite'::regclass
            and pg_depend.refclassid = 'pg_class'::regclass
)

select
    relations.oid as relation,
    readers.reader
from relations
cross join
    unnest('{warehouse_tenant, warehouse_operator, warehouse_reader}'::text[])
        as readers (reader)
where
    (
        readers.reader = 'warehouse_tenant'
        and (relations.is_guarded or relations.asks_as_reader)
        and relations.has_tenant
        and not relations.is_internal
    )
    or (
        readers.reader = 'warehouse_operator'
        and (relations.is_mart or not relations.is_internal)
    )
    or (
        readers.reader = 'warehouse_reader'
        and (
            relations.is_mart
            or relations.oid in (select beneath_marts.oid from beneath_marts)
        )
    )
    -- The names of feeds, which the views of feeds look up.
    or (
        readers.reader in ('warehouse_tenant', 'warehouse_operator')
        and relations.relname = 'stg_feeds'
    );
