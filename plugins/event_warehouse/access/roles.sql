-- Who may do what, from Postgres's catalog. Privileges that a role gets only with
-- `set role` are listed with the other role.

-- roles --
with

roles as (
    select
        pg_roles.oid,
        pg_roles.rolname,
        pg_roles.rolcanlogin,
        pg_roles.rolcreaterole,
        pg_roles.rolconnlimit
    from pg_roles
    where
        not pg_roles.rolsuper
        and exists (
            select from pg_roles as known
            where
                known.rolname like 'warehouse%%'
                and pg_has_role(pg_roles.oid, known.oid, 'member')
        )
),

relations as (
    select
        pg_class.oid,
        pg_namespace.oid as schema_oid,
        pg_namespace.nspname
    from pg_class
    inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
    where
        pg_namespace.nspname
        in ('raw', 'ledger', 'analytics', 'marts', 'access')
        and pg_class.relkind in ('r', 'p', 'v')
        and not pg_class.relispartition
),

allowed as (
    select
        roles.oid,
        relations.nspname,
        count(*) as relation_count,
        count(*) filter (
            where has_table_privilege(roles.oid, relations.oid, 'select')
        ) as read_count,
        count(*) filter (
            where has_table_privilege(
                roles.oid, relations.oid, 'insert, update, delete, truncate'
            )
            or has_any_column_privilege(roles.oid, relations.oid, 'insert, update')
        ) as written_count
    from roles
    inner join relations
        on has_schema_privilege(roles.oid, relations.schema_oid, 'usage')
    group by 1, 2
),

told as (
    select
        allowed.oid,
        string_agg(
            case
                when allowed.read_count = allowed.relation_count then allowed.nspname
                else format(
                    '%%s %%s/%%s',
                    allowed.nspname, allowed.read_count, allowed.relation_count
                )
            end, ', ' order by allowed.nspname
        ) filter (where allowed.read_count > 0) as reads,
        string_agg(
            format(
                '%%s %%s/%%s',
                allowed.nspname, allowed.written_count, allowed.relation_count
            ), ', ' order by allowed.nspname
        ) filter (where allowed.written_count > 0) as writes
    from allowed
    group by 1
),

-- Functions with more privileges than their caller (security definer).
functions as (
    select
        roles.oid,
        string_agg(
            pg_proc.proname, ', ' order by pg_proc.proname
        ) as executes
    from roles
    inner join pg_proc on has_function_privilege(roles.oid, pg_proc.oid, 'execute')
    inner join pg_namespace
        on
            pg_proc.pronamespace = pg_namespace.oid
            and has_schema_privilege(roles.oid, pg_namespace.oid, 'usage')
    where pg_proc.prosecdef and pg_namespace.nspname not like 'pg\_%%'
    group by 1
),

becomes as (
    select
        roles.oid,
        count(*) filter (where tenants.role_name is not null) as tenant_count,
        string_agg(
            replace(other.rolname, 'warehouse_', ''), ', ' order by other.rolname
        ) filter (
            where tenants.role_name is null and other.rolname like 'warehouse%%'
        ) as others
    from roles
    inner join pg_roles as other
        on roles.oid <> other.oid and pg_has_role(roles.oid, other.oid, 'set')
    left join access.tenants on other.rolname = tenants.role_name
    group by 1
),

limits as (
    select
        roles.oid,
        min(limits.statement_seconds) as statement_seconds
    from roles
    inner join access.limits on pg_has_role(roles.oid, limits.role_name, 'member')
    where not pg_has_role(roles.oid, 'warehouse_transformer', 'member')
    group by 1
)

select
    roles.rolname as "role",
    coalesce(tenants.tenant_id, '') as "tenant",
    case when roles.rolcanlogin then 'yes' else 'no' end as "signs in",
    concat_ws(
        ', ',
        becomes.others,
        case
            when becomes.tenant_count > 0
                then becomes.tenant_count || ' tenants'
        end
    ) as "can become",
    coalesce(told.reads, '') as "reads",
    coalesce(told.writes, '') as "writes",
    concat_ws(
        ', ',
        limits.statement_seconds || ' s',
        case when roles.rolconnlimit >= 0 then roles.rolconnlimit || ' sessions' end
    ) as "limits",
    coalesce(functions.executes, '') as "executes"
from roles
left join access.tenants on roles.rolname = tenants.role_name
left join becomes on roles.oid = becomes.oid
left join told on roles.oid = told.oid
left join functions on roles.oid = functions.oid
left join limits on roles.oid = limits.oid
order by roles.rolname;
