"""What most commands begin with."""

import getpass

import click

from event_warehouse.settings import Settings, read_settings
from event_warehouse.setup import ensure_warehouse

DAY = click.DateTime(["%Y-%m-%d"])


def ready() -> Settings:
    """The settings of a warehouse that runs and has this version's schema."""
    settings = read_settings()
    ensure_warehouse(settings)
    return settings


def asked_by(command: str) -> str | None:
    """The machine's user, and the command; None where the user has no name."""
    try:
        return f"{getpass.getuser()}, warehouse {command}"
    except (KeyError, OSError):
        return None
