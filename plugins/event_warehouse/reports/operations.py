"""Who requested what: rebuilds, expiries, deletions, replays and recasts."""

from rich.console import Console

from event_warehouse.database import Role, connect, load_statements
from event_warehouse.printing import print_query
from event_warehouse.settings import Settings

STATEMENTS = load_statements("event_warehouse.reports", "operations")


def print_operations(settings: Settings, console: Console, *, limit: int) -> None:
    """Newest first, at most `limit`; reads only."""
    with connect(settings.dsn, Role.TRANSFORMER) as connection:
        cursor = connection.execute(STATEMENTS["operations"], {"most": limit})
        if not print_query(console, "Operations", cursor):
            console.print("nobody has asked for anything yet")
