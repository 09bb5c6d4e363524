"""From what time each table has all of a tenant's events.

Expired events are dropped from their table. A fact or rollup that is built later never
had them; one that was built before keeps its counts (docs/lifecycle.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from psycopg import AsyncConnection

from event_warehouse.database import load_statements

STATEMENTS = load_statements("event_warehouse.query", "expired")
EVENTS = "analytics.events"


@dataclass(frozen=True)
class Horizons:
    """For each model, the time from which it has all of a tenant's events.

    A model that has all of them is left out.
    """

    by_model: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def of_events(self) -> datetime | None:
        """The time from which single events are kept; None if none have expired."""
        return self.of(EVENTS)

    def of(self, table: str) -> datetime | None:
        """The horizon of a table, such as `analytics.events`."""
        return self.by_model.get(table.rpartition(".")[2])

    def has_all(self, table: str, since: datetime) -> bool:
        """Whether the table has all events since then."""
        return self.kept_from(table, since) == since

    def kept_from(self, table: str, since: datetime) -> datetime:
        """`since`, or the later time from which the table has all events."""
        horizon = self.of(table)
        return since if horizon is None else max(since, horizon)


async def hold_events(connection: AsyncConnection) -> None:
    """Keeps events from expiring until the transaction ends.

    Must come first: an older snapshot would say that nothing has expired, although the
    partitions are gone.
    """
    await connection.execute(STATEMENTS["hold"])


async def read_horizons(connection: AsyncConnection, tenant: str) -> Horizons:
    """A tenant's horizons, as of the transaction's snapshot. Reads only."""
    values = {"tenant_id": tenant}
    rows = await (await connection.execute(STATEMENTS["horizons"], values)).fetchall()
    return Horizons(dict(rows))
