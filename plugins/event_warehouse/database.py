"""Connects to the warehouse with the role that the work needs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.resources import files

import psycopg
from psycopg import sql

from event_warehouse.errors import DatabaseError


class Role(StrEnum):
    """What a connection may do; the migrations say what each role is granted."""

    LOADER = "warehouse_loader"
    TRANSFORMER = "warehouse_transformer"
    KEEPER = "warehouse_keeper"
    READER = "warehouse_reader"


@contextmanager
def connect(
    dsn: str, role: Role | None = None, *, autocommit: bool = False
) -> Iterator[psycopg.Connection]:
    """A connection that acts as `role`; commits if the block succeeds.

    Raises DatabaseError for whatever Postgres refuses inside the block.
    """
    try:
        with psycopg.connect(
            dsn, autocommit=autocommit, application_name="event_warehouse"
        ) as connection:
            if role is not None:
                connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
                # Committed, so that a rollback in the block doesn't reset the role.
                if not autocommit:
                    connection.commit()
            yield connection
    except psycopg.Error as error:
        raise DatabaseError(_explain(error)) from error


def _explain(error: psycopg.Error) -> str:
    """Postgres's message without its context, which may contain row data."""
    primary = error.diag.message_primary
    if primary is None:
        return f"Postgres can't be reached: {error}"
    return f"Postgres: {primary} (SQLSTATE {error.sqlstate})"


def load_statements(package: str, name: str) -> dict[str, sql.SQL]:
    """The statements of `<package>/<name>.sql`, each under its `-- name --` line."""
    text = files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    _, *parts = re.split(r"^-- (\w+) --\n", text, flags=re.MULTILINE)
    return {
        heading: sql.SQL(body)
        for heading, body in zip(parts[::2], parts[1::2], strict=True)
    }
