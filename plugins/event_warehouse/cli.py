"""The command `warehouse`: each subcommand is one call of what the DAGs call too."""

import logging
import sys

import click

from event_warehouse.commands.access import keys, roles, watchdog
from event_warehouse.commands.job import run, sample
from event_warehouse.commands.lifecycle import (
    backup,
    expire,
    forget,
    print_log,
    restore,
)
from event_warehouse.commands.loading import dismiss, load, replay
from event_warehouse.commands.models import rebuild, transform, verify
from event_warehouse.commands.services import down, dsn, migrate, serve, status, up
from event_warehouse.errors import WarehouseError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Event files in; typed events, facts, rollups and marts out."""


for command in (
    run,
    load,
    transform,
    verify,
    status,
    up,
    down,
    serve,
    replay,
    dismiss,
    rebuild,
    expire,
    forget,
    backup,
    restore,
    print_log,
    keys,
    roles,
    watchdog,
    sample,
    migrate,
    dsn,
):
    cli.add_command(command)


def main() -> None:
    """Entry of the console script; errors end in one line and exit code 1."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("event_warehouse")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    # dbt gives the root logger a handler of its own.
    logger.propagate = False
    try:
        cli(prog_name="warehouse")
    except (WarehouseError, OSError) as error:
        reason = _reason(error) if isinstance(error, OSError) else error
        click.secho(f"warehouse: {reason}", fg="red", err=True)
        sys.exit(1)


def _reason(error: OSError) -> str:
    """What the operating system refused, with the file or folder if it is about one."""
    parts = (error.filename, error.strerror)
    return ": ".join(str(part) for part in parts if part) or str(error)
