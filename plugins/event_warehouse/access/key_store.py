"""Creates, lists and revokes API keys in Postgres."""

from collections.abc import Collection, Iterable
from typing import Any

import psycopg

from event_warehouse.access.key_file import key_file, write_keys
from event_warehouse.access.keys import KnownKey, Scope, make_key
from event_warehouse.access.tenants import ensure_role
from event_warehouse.database import connect, load_statements
from event_warehouse.errors import WarehouseError
from event_warehouse.settings import Settings

STATEMENTS = load_statements("event_warehouse.access", "keys")


def create_key(
    settings: Settings,
    *,
    tenant: str | None,
    scopes: Collection[Scope],
    description: str = "",
    days: int | None = None,
) -> str:
    """Creates a key and returns its text, which is not stored.

    Creates the tenant's role too, if there is none. Without a tenant the key is an
    operator's; without days it doesn't expire.
    """
    key = make_key()
    with connect(settings.dsn) as connection:
        if tenant is not None:
            ensure_role(connection, tenant)
        connection.execute(
            STATEMENTS["create"],
            {
                "key_id": key.key_id,
                "key_hash": key.key_hash,
                "tenant_id": tenant,
                "scopes": sorted(scopes),
                "description": description,
                "days": days,
            },
        )
    keep_known_keys(settings)
    return key.text


def revoke_key(settings: Settings, key_id: str) -> None:
    """Revokes the key; raises WarehouseError if there is none."""
    with connect(settings.dsn) as connection:
        if not connection.execute(STATEMENTS["revoke"], {"key_id": key_id}).rowcount:
            raise WarehouseError(
                f"there is no key {key_id!r}; to see which there are: "
                "warehouse keys list"
            )
    keep_known_keys(settings)


def keep_known_keys(settings: Settings) -> None:
    """Writes the valid keys to the file, where this home's service finds them."""
    with connect(settings.dsn) as connection:
        rows = connection.execute(STATEMENTS["known"]).fetchall()
    write_keys(key_file(settings.home), known_keys(rows))


def known_keys(rows: Iterable[tuple[Any, ...]]) -> list[KnownKey]:
    """The keys in the rows of the statement `known`."""
    return [
        KnownKey(key_id, key_hash, tenant, role, frozenset(map(Scope, scopes)), expires)
        for key_id, key_hash, tenant, role, scopes, expires in rows
    ]


def keys_query(connection: psycopg.Connection) -> psycopg.Cursor[tuple[Any, ...]]:
    """All keys, revoked and expired ones too, for display."""
    return connection.execute(STATEMENTS["list"])
