-- The role that a tenant's queries run as.

-- role_of --
select tenants.role_name::text from access.tenants
where tenants.tenant_id = %(tenant_id)s;

-- exists --
select pg_roles.oid
from pg_roles
where pg_roles.rolname = %(role_name)s;

-- remember --
insert into access.tenants (tenant_id, role_name)
values (%(tenant_id)s, %(role_name)s);
