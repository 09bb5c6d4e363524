"""Lists roles and their privileges, creates roles, and sets passwords."""

import psycopg
from psycopg import sql
from rich.console import Console

from event_warehouse.access.tenants import ensure_role
from event_warehouse.database import connect, load_statements
from event_warehouse.errors import WarehouseError
from event_warehouse.printing import print_query
from event_warehouse.settings import Settings

STATEMENTS = load_statements("event_warehouse.access", "roles")
READER_CONNECTIONS = 20
MIN_PASSWORD = 12


def print_roles(settings: Settings, console: Console) -> None:
    """Prints a row for each role, from Postgres's catalog; reads only."""
    with connect(settings.dsn) as connection:
        cursor = connection.execute(STATEMENTS["roles"], {})
        print_query(console, "Who may do what", cursor)


def create_tenant(settings: Settings, tenant: str) -> str:
    """The name of the tenant's role, created if there is none."""
    with connect(settings.dsn) as connection:
        return ensure_role(connection, tenant)


def create_reader(settings: Settings, name: str, password: str) -> None:
    """Creates a role for a BI tool, which signs in and reads all tenants' marts."""
    statement = sql.SQL("create role {} login connection limit {} in role {}").format(
        sql.Identifier(name),
        sql.Literal(READER_CONNECTIONS),
        sql.Identifier("warehouse_reader"),
    )
    with connect(settings.dsn) as connection:
        try:
            connection.execute(statement)
        except psycopg.errors.DuplicateObject as error:
            raise WarehouseError(
                f"there is a role {name} already; to give it another password: "
                f"warehouse roles password {name}"
            ) from error
        _set_password(connection, name, password)


def let_sign_in(settings: Settings, role: str, password: str) -> None:
    """Lets the role sign in with the password."""
    with connect(settings.dsn) as connection:
        _set_password(connection, role, password)


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    """Sends Postgres only a SCRAM verifier, never the password."""
    if len(password) < MIN_PASSWORD:
        raise WarehouseError(f"a password has at least {MIN_PASSWORD} characters")
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL("alter role {} login password {}").format(
            sql.Identifier(role), sql.Literal(verifier)
        )
    )
