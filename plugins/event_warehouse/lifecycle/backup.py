"""Backs up a consistent snapshot of the warehouse and restores it to an empty one."""

import logging
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from event_warehouse.database import connect, load_statements
from event_warehouse.errors import ServiceError, WarehouseError
from event_warehouse.migrate import migrate
from event_warehouse.processes.embedded import client_program
from event_warehouse.settings import Settings

STATEMENTS = load_statements("event_warehouse.lifecycle", "backup")
LIBPQ = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
}

logger = logging.getLogger(__name__)


def back_up(settings: Settings, file: Path) -> None:
    """Writes a backup; what loads and transforms commit meanwhile is not in it.

    The file is complete or doesn't exist. Raises ServiceError with the end of pg_dump's
    error output.
    """
    unfinished = file.with_name(file.name + ".unfinished")
    with connect(settings.dsn, autocommit=True) as connection:
        batches = connection.execute(STATEMENTS["batches"]).fetchall()
    unfinished.unlink(missing_ok=True)
    # The backup must be readable by its owner only.
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _run(
            settings,
            "pg_dump",
            [
                "--format=custom",
                f"--file={unfinished}",
                # Each run recreates the batches. It would have to wait for a backup
                # that includes them.
                *(f"--exclude-table={batch}" for (batch,) in batches),
                "--no-unlogged-table-data",
                # The warehouse's owner sees all rows, by its policies.
                "--enable-row-security",
            ],
        )
        unfinished.rename(file)
    finally:
        unfinished.unlink(missing_ok=True)
    logger.info("%s has the warehouse, %d bytes", file, file.stat().st_size)


def restore(settings: Settings, file: Path) -> None:
    """Restores a backup to a warehouse in which nothing was ever loaded.

    All or nothing: if interrupted, the warehouse is empty. Migrates a file of an older
    version to this one. Raises WarehouseError if the warehouse is not empty,
    ServiceError with the end of pg_restore's error output.
    """
    # Roles belong to the server and are in no backup: the migrations create them.
    migrate(settings.dsn)
    with connect(settings.dsn) as connection:
        is_used = connection.execute(STATEMENTS["is_used"]).fetchone()
        if is_used is None or is_used[0]:
            raise WarehouseError(
                "the warehouse is not empty; a backup is restored into a new one"
            )
        connection.execute(STATEMENTS["drop_schemas"])
    _run(
        settings,
        "pg_restore",
        ["--dbname=", "--single-transaction", "--exit-on-error", str(file)],
    )
    migrate(settings.dsn)
    with connect(settings.dsn, autocommit=True) as connection:
        connection.execute("analyze")
        newest = connection.execute(STATEMENTS["newest_load"]).fetchone()
    logger.info("the warehouse is as %s has it", file)
    if newest and newest[0]:
        logger.info(
            "its newest load is of %s; users who were deleted since are in it again: "
            "repeat their warehouse forget",
            newest[0],
        )


def _run(settings: Settings, program: str, arguments: Sequence[str]) -> None:
    """Passes the connection in the environment, as anyone can see arguments."""
    connection = conninfo_to_dict(settings.dsn)
    environment = {
        name: str(connection[key]) for key, name in LIBPQ.items() if key in connection
    }
    finished = subprocess.run(
        [str(client_program(program)), *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if finished.returncode != 0:
        words = finished.stderr.decode(errors="replace").strip()[-600:]
        raise ServiceError(f"{program} failed: {words}")
