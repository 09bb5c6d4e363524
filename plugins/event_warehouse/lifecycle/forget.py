"""Deletes a user from every table, and remembers it by a keyed hash."""

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
    """What went where, and what stayed.

    Everything that loads have brought is applied first. One transaction then takes the
    user out of every table, and days that lost events are made anew after it. Until
    then no transform, rebuild or expiry runs, and until the receipt is written no other
    deletion. Ended in between, the same call does the rest. A dry run applies nothing
    and rolls that transaction back, so it takes the same locks. The ledger keeps who
    asked, else the database's user.

    As a deletion is for ever, UserError is raised of a user of whom nothing was ever
    heard, unless the id is to be barred `in_advance`; WarehouseError as by the
    transform, and if a model does not say how a user leaves it.
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
    """As `forget`, of the user who has that key in analytics.dim_users.

    For who may not keep the id. A deletion that was ended is completed although nobody
    knows the id by then, so its receipt has no mentions; of one that is finished the
    receipt is given again. Raises UserError if nobody ever had the key: an id that is
    to be barred in advance has none.
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
    """While transforms may run again: mentions are looked for in every table."""
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
    """Who asked may have the user's id: in a run's name, or as a name of their own."""
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
    # A deletion applies them first; what they bring is not counted here.
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
    if not in_advance:
        _require_known(connection, deletion_id, tenant_id, user_id)
    return deletion_id


def _require_known(
    connection: psycopg.Connection, deletion_id: int, tenant_id: str, user_id: str
) -> None:
    """After the erasure, which has then counted what there was of the user."""
    user = {
        "deletion_id": deletion_id,
        "tenant_id": tenant_id,
        "user_id": user_id,
        **searched_in_bytes(user_id),
    }
    row = connection.execute(STATEMENTS["is_known"], user).fetchone()
    if row is None or not row[0]:
        raise UserError(
            "nobody was deleted: nothing has ever come of such a user of this tenant. "
            "Check --tenant and --user; an id that is to be barred before anything "
            "comes of it needs --in-advance"
        )


def _open_days(
    connection: psycopg.Connection, deletion_id: int
) -> list[tuple[date, date]]:
    rows = connection.execute(STATEMENTS["days"], {"deletion_id": deletion_id})
    return [(first, after) for first, after in rows]
