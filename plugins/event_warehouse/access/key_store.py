"""Makes, lists and revokes API keys in Postgres."""

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
    """A new key as text, which is nowhere else; of a tenant its role is made, too.

    No tenant makes an operator's key; no days, one that does not expire.
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
    """The key is good for nothing any more; raises WarehouseError if there is none."""
    with connect(settings.dsn) as connection:
        if not connection.execute(STATEMENTS["revoke"], {"key_id": key_id}).rowcount:
            raise WarehouseError(
                f"there is no key {key_id!r}; to see which there are: "
                "warehouse keys list"
            )
    keep_known_keys(settings)


def keep_known_keys(settings: Settings) -> None:
    """Write the keys of Postgres to where this home's service finds them at once."""
    with connect(settings.dsn) as connection:
        rows = connection.execute(STATEMENTS["known"]).fetchall()
    write_keys(key_file(settings.home), known_keys(rows))


def known_keys(rows: Iterable[tuple[Any, ...]]) -> list[KnownKey]:
    """The keys of the rows of the statement `known`."""
    return [
        KnownKey(key_id, key_hash, tenant, role, frozenset(map(Scope, scopes)), expires)
        for key_id, key_hash, tenant, role, scopes, expires in rows
    ]


def keys_query(connection: psycopg.Connection) -> psycopg.Cursor[tuple[Any, ...]]:
    """Every key there ever was, for a person to read."""
    return connection.execute(STATEMENTS["list"])
