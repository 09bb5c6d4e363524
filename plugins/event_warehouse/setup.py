"""Has the warehouse ready to work: running, and at this version of its schema."""

from event_warehouse import embedded
from event_warehouse.migrate import migrate
from event_warehouse.settings import Settings


def ensure_warehouse(settings: Settings) -> bool:
    """True if the embedded Postgres had to be started; False if it, or another, ran."""
    started = settings.external_dsn is None and embedded.ensure_running(settings)
    migrate(settings.dsn)
    return started
