"""Locks for expiry and deletion: the models to themselves, with every load applied."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from event_warehouse.database import Role, connect, load_statements
from event_warehouse.errors import WarehouseError
from event_warehouse.settings import Settings
from event_warehouse.transform.run import LOCK

FORGETTING = 7_271_003
"""Advisory lock: one deletion runs at a time, to its end."""
STATEMENTS = load_statements("event_warehouse.lifecycle", "locks")


@contextmanager
def keeping(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection as keeper; no transform or rebuild runs during the block."""
    with (
        connect(settings.dsn, Role.KEEPER, autocommit=True) as connection,
        without_transforms(connection),
    ):
        yield connection


@contextmanager
def forgetting(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection as keeper; no other deletion runs during the block."""
    with connect(settings.dsn, Role.KEEPER, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (FORGETTING,))
        yield connection


@contextmanager
def without_transforms(connection: psycopg.Connection) -> Iterator[None]:
    """No transform or rebuild runs during the block.

    If the block fails, the lock is held until the connection is closed.
    """
    connection.execute("select pg_advisory_lock(%s)", (LOCK,))
    yield
    connection.execute("select pg_advisory_unlock(%s)", (LOCK,))


def was_ever_transformed(connection: psycopg.Connection) -> bool:
    """True if there are models, of any version."""
    row = connection.execute(STATEMENTS["was_ever_transformed"]).fetchone()
    return row is not None and bool(row[0])


def require_all_applied(connection: psycopg.Connection) -> None:
    """Locks the models until the transaction ends.

    Raises WarehouseError if there are none yet, if one is running, as when dbt was
    started by hand, or if one has yet to apply what others have: it would miss the rows
    that are removed now.
    """
    is_transformed = connection.execute(STATEMENTS["is_transformed"]).fetchone()
    if is_transformed is None or not is_transformed[0]:
        raise WarehouseError(
            "nothing is transformed yet by this version; run: warehouse transform"
        )
    at_work = connection.execute(STATEMENTS["lock_models"]).fetchall()
    if at_work:
        raise WarehouseError(
            f"dbt is at work on {at_work[0][0]}; do it again when it has ended"
        )
    behind = connection.execute(STATEMENTS["behind"]).fetchall()
    if behind:
        raise WarehouseError(
            f"{behind[0][0]} has yet to take in what other models have; run: "
            "warehouse transform"
        )
