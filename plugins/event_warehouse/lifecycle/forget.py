"""Deletes a user from every table and remembers the deletion by a keyed hash."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import psycopg
from psycopg.types.json import Jsonb

from event_warehouse.database import load_statements
from event_warehouse.errors import UserError
from event_warehouse.lifecycle.erase import erase
from event_warehouse.lifecycle.locks import (
    forgetting,
    require_all_applied,
    without_transforms,
)
from event_warehouse.lifecycle.mentions import searched_in_bytes
from event_warehouse.lifecycle.receipt import Receipt, files_of, write_receipt
from event_warehouse.settings import Settings
from event_warehouse.transform.rebuild import rebuild_alone
from event_warehouse.transform.run import run_dbt

STATEMENTS = load_statements("event_warehouse.lifecycle", "forget")

logger = logging.getLogger(__name__)


def forget(
    settings: Settings,
    *,
    tenant_id: str,
    user_id: str,
    requested_by: str | None = None,
    in_advance: bool = False,
    is_dry_run: bool = False,
) -> Receipt:
    """Deletes a user; the receipt says what was removed and what stays.

    All loads are applied first. Then one transaction removes the user from every table,
    and the days that lost events are rebuilt. Until that is done no transform, rebuild
    or expiry runs; until the receipt is written no other deletion does. If interrupted,
    the same call does the rest. A dry run applies nothing and rolls the transaction
    back, but takes the same locks. The ledger records who asked, by default the
    database user.

    A deletion is permanent, so a user who was never seen raises UserError, unless the
    id is to be barred `in_advance`. Raises WarehouseError like the transform, and if a
    model doesn't say how to erase a user.
    """
    if not tenant_id or not user_id:
        raise UserError("a tenant and a user must be named")
    with forgetting(settings) as connection:
        if is_dry_run:
            with without_transforms(connection):
                return _try(connection, tenant_id, user_id, in_advance=in_advance)
        requested_by = requested_by and _without(user_id, requested_by)
        with without_transforms(connection):
            run_dbt(settings, [])
            with connection.transaction():
                deletion_id = _erase(
                    connection, tenant_id, user_id, requested_by, in_advance=in_advance
                )
            _rebuild_days(settings, connection, deletion_id, tenant_id, requested_by)
        return _finish(connection, deletion_id, tenant_id, user_id)


def forget_by_key(
    settings: Settings, *, user_key: int, requested_by: str | None = None
) -> Receipt:
    """Like `forget`, for the user with this key in analytics.dim_users.

    For callers that may not store the id. An interrupted deletion is completed, but as
    the id is unknown by then, its receipt has no mentions. For a finished one the
    receipt is returned again. Raises UserError if no user ever had the key; an id to be
    barred in advance has none.
    """
    key = {"user_key": user_key}
    with forgetting(settings) as connection:
        user = connection.execute(STATEMENTS["user_of_key"], key).fetchone()
        if user is None:
            return _complete_of_key(settings, connection, user_key, requested_by)
    tenant_id, user_id = user
    return forget(
        settings, tenant_id=tenant_id, user_id=user_id, requested_by=requested_by
    )


def _complete_of_key(
    settings: Settings,
    connection: psycopg.Connection,
    user_key: int,
    requested_by: str | None,
) -> Receipt:
    begun = connection.execute(
        STATEMENTS["deletion_of_key"], {"user_key": user_key}
    ).fetchone()
    if begun is None:
        raise UserError(f"there is no user with the key {user_key}")
    deletion_id, tenant_id, receipt = begun
    if receipt is not None:
        logger.info("deletion %d is finished already", deletion_id)
        return Receipt(receipt, files_of(connection, deletion_id))
    with without_transforms(connection):
        _rebuild_days(settings, connection, deletion_id, tenant_id, requested_by)
    return _finish(connection, deletion_id, tenant_id, None)


def _rebuild_days(
    settings: Settings,
    connection: psycopg.Connection,
    deletion_id: int,
    tenant_id: str,
    requested_by: str | None,
) -> None:
    days = _open_days(connection, deletion_id)
    if days:
        rebuild_alone(
            settings, connection, days, tenant_id=tenant_id, requested_by=requested_by
        )


def _finish(
    connection: psycopg.Connection,
    deletion_id: int,
    tenant_id: str,
    user_id: str | None,
) -> Receipt:
    """Writes the receipt, which searches every table; transforms may run meanwhile."""
    with connection.transaction():
        receipt = write_receipt(
            connection, deletion_id=deletion_id, tenant_id=tenant_id, user_id=user_id
        )
        connection.execute(
            STATEMENTS["finish"],
            {"deletion_id": deletion_id, "receipt": Jsonb(receipt.content)},
        )
    logger.info("deletion %d is finished", deletion_id)
    return receipt


def _without(user_id: str, text: str) -> str:
    """The text without the user's id, which a run's or requester's name may contain."""
    return re.sub(rf"(?<!\w){re.escape(user_id)}(?!\w)", "(the user)", text)


def _try(
    connection: psycopg.Connection, tenant_id: str, user_id: str, *, in_advance: bool
) -> Receipt:
    with _undone(connection):
        deletion_id = _erase(connection, tenant_id, user_id, in_advance=in_advance)
        receipt = write_receipt(
            connection, deletion_id=deletion_id, tenant_id=tenant_id, user_id=user_id
        )
        row = connection.execute(STATEMENTS["count_pending_loads"]).fetchone()
    assert row is not None
    # A real deletion applies these first; their events are not counted here.
    return Receipt({**receipt.content, "loads_not_applied": row[0]}, receipt.files)


@contextmanager
def _undone(connection: psycopg.Connection) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        yield


def _erase(
    connection: psycopg.Connection,
    tenant_id: str,
    user_id: str,
    requested_by: str | None = None,
    *,
    in_advance: bool,
) -> int:
    """Erases the user and returns the deletion's id; records the days to rebuild."""
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
    if not in_advance:
        _require_known(connection, deletion_id, tenant_id, user_id)
    return deletion_id


def _require_known(
    connection: psycopg.Connection, deletion_id: int, tenant_id: str, user_id: str
) -> None:
    """Raises UserError if the user was never seen; needs the erasure's counts."""
    user = {
        "deletion_id": deletion_id,
        "tenant_id": tenant_id,
        "user_id": user_id,
        **searched_in_bytes(user_id),
    }
    row = connection.execute(STATEMENTS["is_known"], user).fetchone()
    if row is None or not row[0]:
        raise UserError(
            "nobody was deleted: this tenant has never had data of such a user. Check "
            "--tenant and --user; to bar an id before its data arrives, use "
            "--in-advance"
        )


def _open_days(
    connection: psycopg.Connection, deletion_id: int
) -> list[tuple[date, date]]:
    rows = connection.execute(STATEMENTS["days"], {"deletion_id": deletion_id})
    return [(first, after) for first, after in rows]
