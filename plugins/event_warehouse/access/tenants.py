"""Tenants' roles: each sees its own rows, whoever signs in as it."""

from hashlib import sha256

import psycopg
from psycopg import sql

from event_warehouse.database import load_statements
from event_warehouse.errors import WarehouseError
from event_warehouse.tenant_names import problem_of_tenant

STATEMENTS = load_statements("event_warehouse.access", "tenants")


def ensure_role(connection: psycopg.Connection, tenant: str) -> str:
    """The name of the tenant's role, made if there is none; commits nothing."""
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
    """Of letters that a role may have, and no name that other tenants could read.

    Whoever signs in to Postgres sees the names of all its roles.
    """
    return f"tenant_{sha256(tenant.encode()).hexdigest()[:16]}"


def _make(connection: psycopg.Connection, role: str) -> None:
    # Roles are the server's, so another database of it may have made this one.
    exists = connection.execute(STATEMENTS["exists"], {"role_name": role}).fetchone()
    name = sql.Identifier(role)
    if exists is None:
        connection.execute(sql.SQL("create role {} connection limit 10").format(name))
    for statement in (
        "grant warehouse_tenant to {} with inherit true, set false",
        # So that what it runs for too long can be cancelled.
        "grant {} to current_user with inherit true, set true",
        "grant {} to warehouse_service with inherit false, set true",
    ):
        connection.execute(sql.SQL(statement).format(name))
