"""Other sessions that work on the warehouse beside the test's own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from event_warehouse.settings import Settings

TRANSFORMER = """
from event_warehouse.settings import read_settings
from event_warehouse.transform import transform
transform(read_settings())
"""


@contextmanager
def transformer(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A process that transforms; it does not outlive the block."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "WAREHOUSE_HOME": str(settings.home),
        "WAREHOUSE_DSN": settings.dsn,
    }
    with subprocess.Popen(
        [sys.executable, "-c", TRANSFORMER],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def held(settings: Settings, table: str) -> Iterator[None]:
    """Nobody else can write to the table; all can read it."""
    connection = psycopg.connect(settings.dsn)
    try:
        connection.execute(sql.SQL(f"lock table {table} in exclusive mode"))
        yield
    finally:
        connection.close()
