"""Waiting for what another thread, process or session does."""

import time
from collections.abc import Callable

import psycopg
import pytest

from event_warehouse.settings import Settings

SECONDS = 30.0


def happens(
    is_true: Callable[[], bool], *, seconds: float = SECONDS, every: float = 0.005
) -> bool:
    """True as soon as it is; False if it is not in so many seconds."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def wait_until(is_true: Callable[[], bool], *, seconds: float = SECONDS) -> None:
    """Returns as soon as it is true; else the test fails."""
    assert happens(is_true, seconds=seconds), "it does not happen"


def wait_for_waiter(
    settings: Settings, table: str, *, seconds: float = SECONDS
) -> None:
    """Returns when a session waits for the table, which the caller has locked."""
    waiting = "select from pg_locks where not granted and relation = %s::regclass"
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        if not happens(
            lambda: connection.execute(waiting, (table,)).rowcount > 0, seconds=seconds
        ):
            pytest.fail(f"nobody came to {table}")
