"""Migrates a warehouse to this version of its schema; idempotent."""

import logging
from pathlib import Path

import psycopg

from event_warehouse.database import connect
from event_warehouse.errors import DatabaseError

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK = 7_271_001
"""Advisory lock: one process migrates at a time."""

logger = logging.getLogger(__name__)


def migrate(dsn: str) -> bool:
    """Applies all missing versions or none; True if any were missing.

    Raises DatabaseError with what Postgres refused.
    """
    with connect(dsn, autocommit=True) as connection:
        if _version(connection) == _newest():
            return False
        connection.execute("select pg_advisory_lock(%s)", (LOCK,))
        if _version(connection) == _newest():
            return False
        _upgrade(dsn)
    logger.info("the warehouse's schema is now at %s", _newest())
    return True


def _version(connection: psycopg.Connection) -> str | None:
    exists = connection.execute("select to_regclass('ledger.migration')").fetchone()
    if exists is None or exists[0] is None:
        return None
    version = connection.execute("select version_num from ledger.migration").fetchone()
    return version[0] if version else None


def _newest() -> str:
    return max(path.stem for path in (MIGRATIONS / "versions").glob("v*.py"))


def _upgrade(dsn: str) -> None:
    # Imported here: they take half a second, and most commands have nothing to do.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(dsn),
        poolclass=NullPool,
    )
    config = Config(attributes={"connection": None})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("create schema if not exists ledger")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        # Postgres's own error, which `connect` translates to a DatabaseError.
        raise error.orig or error from error
    except CommandError as error:
        raise DatabaseError(
            f"the warehouse's schema can't be brought to {_newest()}: {error}"
        ) from error
