"""Deletes a user from every table, and remembers it by a keyed hash."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import psycopg
from psycopg.types.json import Jsonb

from event_warehouse.database import Role, connect, load_statements
from event_warehouse.errors import UserError
from event_warehouse.lifecycle.erase import erase
from event_warehouse.lifecycle.locks import keeping, require_all_applied
from event_warehouse.lifecycle.receipt import Receipt, write_receipt
from event_warehouse.rebuild import rebuild
from event_warehouse.settings import Settings
from event_warehouse.transform import run_dbt

STATEMENTS = load_statements("event_warehouse.lifecycle", "forget")

logger = logging.getLogger(__name__)


def forget(
    settings: Settings,
    *,
    tenant_id: str,
    user_id: str,
    requested_by: str | None = None,
    is_dry_run: bool = False,
) -> Receipt:
    """What went where, and what stayed.

    Everything that loads have brought is applied first. One transaction then takes the
    user out of every table, and days that lost events are made anew after it. Ended in
    between, the same call does the rest. A dry run rolls that transaction back, so it
    takes the same locks. The ledger keeps who asked, else the database's user. Raises
    WarehouseError as the transform does, and if a model does not say how a user leaves
    it.
    """
    if not tenant_id or not user_id:
        raise UserError("a tenant and a user must be named")
    if is_dry_run:
        return _try(settings, tenant_id, user_id)
    requested_by = requested_by and _without(user_id, requested_by)
    with keeping(settings) as connection:
        run_dbt(settings, [])
        with connection.transaction():
            deletion_id = _erase(connection, tenant_id, user_id, requested_by)
    return _complete(settings, deletion_id, tenant_id, user_id, requested_by)


def forget_by_key(
    settings: Settings, *, user_key: int, requested_by: str | None = None
) -> Receipt:
    """As `forget`, of the user who has that key in analytics.dim_users.

    For who may not keep the id. A deletion that was ended is completed although nobody
    knows the id by then, so its receipt has no mentions. Raises UserError if there is
    no such user.
    """
    key = {"user_key": user_key}
    with connect(settings.dsn, Role.KEEPER) as connection:
        user = connection.execute(STATEMENTS["user_of_key"], key).fetchone()
        begun = connection.execute(STATEMENTS["deletion_of_key"], key).fetchone()
    if user is not None:
        tenant_id, user_id = user
        return forget(
            settings, tenant_id=tenant_id, user_id=user_id, requested_by=requested_by
        )
    if begun is None:
        raise UserError(f"there is no user with the key {user_key}")
    deletion_id, tenant_id = begun
    return _complete(settings, deletion_id, tenant_id, None, requested_by)


def _complete(
    settings: Settings,
    deletion_id: int,
    tenant_id: str,
    user_id: str | None,
    requested_by: str | None,
) -> Receipt:
    # Without the lock, which the rebuild takes itself.
    with connect(settings.dsn, Role.KEEPER, autocommit=True) as connection:
        days = _open_days(connection, deletion_id)
        if days:
            rebuild(settings, days, tenant_id=tenant_id, requested_by=requested_by)
        with connection.transaction():
            receipt = write_receipt(
                connection,
                deletion_id=deletion_id,
                tenant_id=tenant_id,
                user_id=user_id,
            )
            connection.execute(
                STATEMENTS["finish"],
                {"deletion_id": deletion_id, "receipt": Jsonb(receipt.content)},
            )
    logger.info("deletion %d is finished", deletion_id)
    return receipt


def _without(user_id: str, text: str) -> str:
    """Who asked may have the user's id: in a run's name, or as a name of their own."""
    return re.sub(rf"(?<!\w){re.escape(user_id)}(?!\w)", "(the user)", text)


def _try(settings: Settings, tenant_id: str, user_id: str) -> Receipt:
    with keeping(settings) as connection, _undone(connection):
        deletion_id = _erase(connection, tenant_id, user_id)
        return write_receipt(
            connection,
            deletion_id=deletion_id,
            tenant_id=tenant_id,
            user_id=user_id,
        )


@contextmanager
def _undone(connection: psycopg.Connection) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        yield


def _erase(
    connection: psycopg.Connection,
    tenant_id: str,
    user_id: str,
    requested_by: str | None = None,
) -> int:
    """The deletion's id; it notes the days that are to be made anew."""
    require_all_applied(connection)
    asked = {
        "tenant_id": tenant_id,
        "user_id": user_id,
        "requested_by": requested_by,
    }
    row = connection.execute(STATEMENTS["start"], asked).fetchone()
    assert row is not None
    deletion_id = int(row[0])
    erase(connection, deletion_id=deletion_id, tenant_id=tenant_id, user_id=user_id)
    return deletion_id


def _open_days(
    connection: psycopg.Connection, deletion_id: int
) -> list[tuple[date, date]]:
    rows = connection.execute(STATEMENTS["days"], {"deletion_id": deletion_id})
    return [(first, after) for first, after in rows]
