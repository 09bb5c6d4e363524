-- warehouse_tenant holds what every tenant's own role is granted. The service signs in
-- as warehouse_service, which by itself reads keys and little else, and acts as others.
do $$
declare
    new_role record;
begin
    for new_role in
        select * from (
            values
            ('warehouse_tenant', 'nologin'),
            ('warehouse_operator', 'nologin'),
            ('warehouse_service', 'login noinherit')
        ) as roles (name, attributes)
    loop
        if not exists (select from pg_roles where rolname = new_role.name) then
            execute format('create role %I %s', new_role.name, new_role.attributes);
        end if;
        if not (
            pg_has_role(current_user, new_role.name, 'set')
            and pg_has_role(current_user, new_role.name, 'usage')
        ) then
            execute format(
                'grant %I to current_user with inherit true, set true', new_role.name
            );
        end if;
    end loop;
    grant warehouse_operator to warehouse_service with inherit false, set true;
    -- Postgres lets everyone make temporary tables, which fill the disk as others do.
    execute format('revoke temporary on database %I from public', current_database());
    execute format(
        'grant temporary on database %I to warehouse_loader, warehouse_transformer',
        current_database()
    );
end
$$;

create schema access;
comment on schema access is 'Who may read what: tenants'' roles, API keys, limits.';

-- Tenants --------------------------------------------------------------------------

create table access.tenants (
    tenant_id text primary key,
    role_name name not null unique,
    created_at timestamptz not null default now()
);
comment on table access.tenants is
'The role that a tenant''s queries run as. Grain: one row per tenant that has one.';

alter table access.tenants enable row level security;
create policy own on access.tenants for select to warehouse_tenant
using (role_name = current_user);
create policy service on access.tenants for select to warehouse_service
using (true);

-- Not a security definer, in which current_user would be its owner.
create function access.current_tenant() returns text
language sql stable parallel safe
as $$
select tenants.tenant_id from access.tenants where tenants.role_name = current_user
$$;
comment on function access.current_tenant is
'The tenant whose role this is; null, which no row has, for every other role.';

-- Run by the owner of dbt's tables. Tenants may read what has a tenant_id and is
-- guarded here; what has none, such as dim_event_types, has all tenants' names in it.
create function access.guard_tables(within regclass default null) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    relation regclass;
    granted record;
begin
    if within is null then
        perform pg_advisory_xact_lock(hashtextextended('access.guard_tables', 0));
    end if;
    for relation in
        select pg_class.oid from pg_class
        inner join pg_attribute
            on pg_attribute.attrelid = pg_class.oid and attname = 'tenant_id'
        where relnamespace in (to_regnamespace('analytics'), to_regnamespace('marts'))
            and relkind in ('r', 'p') and relpersistence = 'p' and not attisdropped
            and not relforcerowsecurity and relowner = current_user::regrole
            and (
                within is null
                or pg_class.oid in (select relid from pg_partition_tree(within))
            )
        order by 1
    loop
        execute format(
            'alter table %s enable row level security, force row level security',
            relation
        );
        execute format(
            'create policy owner on %s to %I using (true) with check (true)',
            relation, current_user
        );
        execute format(
            'create policy all_tenants on %s for select '
            'to warehouse_reader, warehouse_operator using (true)',
            relation
        );
        execute format(
            'create policy one_tenant on %s for select to warehouse_tenant '
            'using (tenant_id = (select access.current_tenant()))',
            relation
        );
    end loop;
    if within is not null then
        return;
    end if;
    for granted in
        select readable.relation, readable.reader from access.readable
        where not has_table_privilege(readable.reader, readable.relation, 'select')
        order by 1, 2
    loop
        execute format(
            'grant select on %s to %I', granted.relation::regclass, granted.reader
        );
    end loop;
end
$$;
comment on function access.guard_tables is
'Gives new tables of dbt''s their policies and grants, or new partitions theirs.';

-- A view that asks as who reads it needs its reader's right to what is beneath; without
-- USAGE on their schema the reader can still not name these tables.
create view access.readable as
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
comment on view access.readable is
'Who is to read what of dbt''s. Grain: one row per relation and role.';

-- API keys -------------------------------------------------------------------------

create table access.keys (
    key_id text primary key check (key_id ~ '^[a-z0-9]{12}$'),
    key_hash bytea not null check (octet_length(key_hash) = 32),
    tenant_id text references access.tenants,
    scopes text[] not null check (
        scopes <@ array['events:write', 'query:read', 'stats:read']
        and cardinality(scopes) > 0
    ),
    description text not null default '',
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
comment on table access.keys is
'What requests are signed in with; of a key only its hash is kept.
Grain: one row per key, revoked ones included.';
comment on column access.keys.tenant_id is
'Whose key it is; null is an operator''s, which is for all tenants.';
comment on column access.keys.last_used_at is 'To about a minute.';

-- Freshness ------------------------------------------------------------------------

create function access.ledger_state()
returns table (
    newest_load_at timestamptz,
    pending_loads bigint[],
    rejected_changed_at timestamptz
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
with

everywhere as (
    select coalesce(range_intersect_agg(models.applies), '{}') as applies
    from ledger.models as models
    where models.model <> 'ledger.applies'
),

unapplied as (
    select applies.load_id
    from everywhere
    cross join unnest('{[1,)}'::int8multirange - everywhere.applies) as gap
    inner join ledger.applies as applies
        on applies.apply_id >= lower(gap)
        and (upper_inf(gap) or applies.apply_id < upper(gap))
    where applies.kind <> 'recast'
)

select
    (
        select loads.received_at
        from ledger.applies as applies
        inner join raw.loads as loads using (load_id)
        where applies.apply_id = upper(everywhere.applies) - 1
    ),
    array(
        select load_id from ledger.loads_without_apply() as new_loads (load_id)
        union
        select load_id from unapplied
        order by 1
    ),
    (
        select models.applied_at from ledger.models as models
        where models.model = 'rejected_events'
    )
from everywhere
$$;
comment on function access.ledger_state is
'When the newest load came that every model has; the loads that not every model has;
when the rejected events last changed.';

create function access.pending_by_tenant(loads bigint[])
returns table (load_id bigint, tenant_id text, record_count bigint)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
select events_raw.load_id, nullif(events_raw.tenant_id, ''), count(*)
from raw.events_raw
where events_raw.load_id = any(loads)
    -- Prunes partitions: a row has the time of its load.
    and events_raw.received_at >= (
        select min(asked.received_at) from raw.loads as asked
        where asked.load_id = any(loads)
    )
group by 1, 2
$$;
comment on function access.pending_by_tenant is
'Raw records of some loads, by load and tenant.';

create function access.rejected_by_tenant()
returns table (tenant_id text, received_date date, event_count bigint)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if to_regclass('analytics.rejected_events') is not null then
        return query
        select
            rejected_events.tenant_id,
            (rejected_events.received_at at time zone 'UTC')::date,
            count(*)
        from analytics.rejected_events
        group by 1, 2;
    end if;
end
$$;
comment on function access.rejected_by_tenant is
'Open rejected events by tenant and the day (UTC) on which they arrived.';

-- Limits ---------------------------------------------------------------------------

create table access.limits (
    role_name name primary key,
    statement_seconds integer not null check (statement_seconds > 0),
    idle_seconds integer not null check (idle_seconds > 0)
);
comment on table access.limits is
'How long a statement of a role''s members may take, and how long they may hold a
transaction open without one. Grain: one row per limited role.';
insert into access.limits (role_name, statement_seconds, idle_seconds) values
('warehouse_reader', 300, 300),
('warehouse_tenant', 60, 60),
('warehouse_service', 60, 60);

-- A role's own settings are the client's to change, so something else has to end what
-- takes too long. It may end only what its owner could by hand: sessions of roles that
-- were made by the warehouse, no superuser's and no one else's. pg_signal_backend,
-- which reaches everyone, is not needed.
create function access.cancel_overlong()
returns table (role_name name, was_idle boolean, seconds double precision)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    login name;
    overlong record;
begin
    -- Who makes a role may end its sessions only once he has its rights.
    for login in
        select roles.rolname
        from pg_roles as roles
        where roles.rolcanlogin and not roles.rolsuper
            and roles.rolname <> current_user
            and exists (
                select from access.limits
                where pg_has_role(roles.oid, limits.role_name, 'member')
            )
            and not pg_has_role(roles.oid, current_user, 'member')
            and not pg_has_role(current_user, roles.oid, 'usage')
            and pg_has_role(current_user, roles.oid, 'member with admin option')
    loop
        execute format('grant %I to current_user with inherit true, set false', login);
    end loop;
    for overlong in
        select
            activity.pid,
            activity.usename,
            activity.state <> 'active' as was_idle,
            extract(epoch from clock_timestamp() - case activity.state
                when 'active' then activity.query_start else activity.state_change
            end)::double precision as seconds
        from pg_stat_activity as activity
        cross join lateral (
            select
                min(limits.statement_seconds) as statement_seconds,
                min(limits.idle_seconds) as idle_seconds
            from access.limits
            where pg_has_role(activity.usesysid, limits.role_name, 'member')
        ) as allowed
        where activity.datname = current_database()
            and activity.backend_type = 'client backend'
            and activity.pid <> pg_backend_pid()
            -- The warehouse's own work, and superusers, who are members of every role.
            and not pg_has_role(activity.usesysid, 'warehouse_transformer', 'member')
            and clock_timestamp() > case
                when activity.state = 'active'
                    then activity.query_start
                        + make_interval(secs => allowed.statement_seconds)
                when activity.state like 'idle in transaction%'
                    then activity.state_change
                        + make_interval(secs => allowed.idle_seconds)
            end
    loop
        if overlong.was_idle then
            perform pg_terminate_backend(overlong.pid);
        else
            perform pg_cancel_backend(overlong.pid);
        end if;
        role_name := overlong.usename;
        was_idle := overlong.was_idle;
        seconds := overlong.seconds;
        return next;
    end loop;
end
$$;
comment on function access.cancel_overlong is
'Cancels statements, and ends idle transactions, that go on for longer than the limit
of their role; says which.';

-- Who may do what --------------------------------------------------------------------

revoke execute on all functions in schema access from public;
grant execute on function access.current_tenant
to warehouse_tenant, warehouse_operator, warehouse_reader, warehouse_transformer;

grant usage on schema access to warehouse_transformer;
grant execute on function access.guard_tables to warehouse_transformer;
grant select on access.readable to warehouse_transformer;

grant usage on schema access, analytics, marts, sketch
to warehouse_tenant, warehouse_operator;
grant select on access.tenants to warehouse_tenant;
grant usage on schema access to warehouse_reader;

grant usage on schema access to warehouse_service;
grant select on access.keys, access.tenants to warehouse_service;
grant update (last_used_at) on access.keys to warehouse_service;
grant execute on function
access.ledger_state,
access.pending_by_tenant,
access.rejected_by_tenant,
access.cancel_overlong
to warehouse_service;
