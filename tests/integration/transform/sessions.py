"""Other sessions that work on the warehouse beside the test's own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
from psycopg import sql

from event_warehouse.settings import Settings

TRANSFORMER = """
from event_warehouse.settings import read_settings
from event_warehouse.transform.run import transform
transform(read_settings())
"""


@contextmanager
def process_of(settings: Settings, program: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs this Python; it does not outlive the block.

    Not even one that fails: whatever the process waits for may be held until then.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "WAREHOUSE_HOME": str(settings.home),
        "WAREHOUSE_FEEDS": str(settings.feeds),
        "WAREHOUSE_FUNNELS": str(settings.funnels),
        "WAREHOUSE_DSN": settings.dsn,
    }
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def transformer(settings: Settings) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A process that transforms; it does not outlive the block."""
    return process_of(settings, TRANSFORMER)


@contextmanager
def held(settings: Settings, table: str) -> Iterator[None]:
    """Nobody else can write to the table; all can read it."""
    connection = psycopg.connect(settings.dsn)
    try:
        connection.execute(sql.SQL(f"lock table {table} in exclusive mode"))
        yield
    finally:
        connection.close()
