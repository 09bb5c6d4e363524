"""A warehouse's schema as an older release of the project left it."""

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from event_warehouse.migrate import MIGRATIONS

VERSIONS = sorted(path.stem for path in (MIGRATIONS / "versions").glob("v*.py"))
"""Oldest first."""


def bring_to(dsn: str, version: str) -> None:
    """Run the migrations up to this version, as the release that had it last did."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(dsn)
    )
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        connection.exec_driver_sql("create schema if not exists ledger")
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()
