"""What the tests on a real Postgres share."""

from collections.abc import Iterator

import psycopg
import pytest

from event_warehouse.settings import Settings


@pytest.fixture
def empty_dsn(cluster: Settings) -> Iterator[str]:
    """A database with nothing in it."""
    admin = f"postgresql://postgres@/postgres?host={cluster.socket_folder}&port=5432"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("create database empty owner warehouse")
    yield f"postgresql://warehouse@/empty?host={cluster.socket_folder}&port=5432"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("drop database empty with (force)")
