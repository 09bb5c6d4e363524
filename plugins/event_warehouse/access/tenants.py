"""Tenants' roles: row-level security limits each to its own rows."""

from hashlib import sha256

import psycopg
from psycopg import sql

from event_warehouse.database import load_statements
from event_warehouse.errors import WarehouseError
from event_warehouse.tenant_names import problem_of_tenant

STATEMENTS = load_statements("event_warehouse.access", "tenants")


def ensure_role(connection: psycopg.Connection, tenant: str) -> str:
    """The name of the tenant's role, created if there is none; doesn't commit."""
    if problem := problem_of_tenant(tenant):
        raise WarehouseError(f"the tenant's name {problem}")
    found = connection.execute(STATEMENTS["role_of"], {"tenant_id": tenant}).fetchone()
    if found:
        return str(found[0])
    role = role_name(tenant)
    _make(connection, role)
    connection.execute(STATEMENTS["remember"], {"tenant_id": tenant, "role_name": role})
    return role


def role_name(tenant: str) -> str:
    """A hash of the tenant's name, so that it is a valid role name and tells nothing.

    Anyone who can sign in to Postgres sees the names of all roles.
    """
    return f"tenant_{sha256(tenant.encode()).hexdigest()[:16]}"


def _make(connection: psycopg.Connection, role: str) -> None:
    # Roles belong to the server, so another of its databases may have created this one.
    exists = connection.execute(STATEMENTS["exists"], {"role_name": role}).fetchone()
    name = sql.Identifier(role)
    if exists is None:
        connection.execute(sql.SQL("create role {} connection limit 10").format(name))
    for statement in (
        "grant warehouse_tenant to {} with inherit true, set false",
        # So that its statements can be cancelled if they run for too long.
        "grant {} to current_user with inherit true, set true",
        "grant {} to warehouse_service with inherit false, set true",
    ):
        connection.execute(sql.SQL(statement).format(name))
