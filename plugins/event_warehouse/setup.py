"""Makes the warehouse ready: running, and at this version of its schema."""

from event_warehouse.migrate import migrate
from event_warehouse.processes import embedded
from event_warehouse.settings import Settings


def ensure_warehouse(settings: Settings) -> None:
    """Starts the embedded Postgres, if it is used, and migrates the warehouse."""
    if settings.external_dsn is None:
        embedded.ensure_running(settings)
    migrate(settings.dsn)
