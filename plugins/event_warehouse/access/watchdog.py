"""Cancels what takes too long, as clients can change their role's timeouts."""

import logging
import time
from collections.abc import Iterable
from typing import Any

from event_warehouse.database import connect
from event_warehouse.errors import DatabaseError
from event_warehouse.settings import Settings

CANCEL_OVERLONG = """
select cancelled.role_name, cancelled.was_idle, cancelled.seconds
from access.cancel_overlong() as cancelled
"""
SECONDS = 5.0

logger = logging.getLogger(__name__)


def watch(settings: Settings) -> None:
    """Checks every few seconds until the process ends; survives Postgres restarts."""
    while True:
        try:
            with connect(settings.api_dsn, autocommit=True) as connection:
                while True:
                    report_cancelled(connection.execute(CANCEL_OVERLONG).fetchall())
                    time.sleep(SECONDS)
        except DatabaseError as error:
            logger.error("%s", error)
            time.sleep(SECONDS)


def report_cancelled(rows: Iterable[tuple[Any, ...]]) -> None:
    """Logs whose statements or transactions were cancelled."""
    for role, was_idle, seconds in rows:
        what = "an idle transaction" if was_idle else "a statement"
        logger.warning("%s of %s was ended after %.0f s", what, role, seconds)
