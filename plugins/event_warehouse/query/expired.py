"""From when on the tables that answers come from have a tenant's events.

Events that expire leave their table, and a fact or rollup that is made after that has
never had them; what was there before keeps what it counted (docs/lifecycle.md).
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
    """The time of each model from which on it has all events of a tenant.

    A model that has them all is not named.
    """

    by_model: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def of_events(self) -> datetime | None:
        """From when on single events are kept; none if none have expired."""
        return self.of(EVENTS)

    def of(self, table: str) -> datetime | None:
        """That of a table, `analytics.events` say."""
        return self.by_model.get(table.rpartition(".")[2])

    def has_all(self, table: str, since: datetime) -> bool:
        """Whether the table has all events since then."""
        return self.kept_from(table, since) == since

    def kept_from(self, table: str, since: datetime) -> datetime:
        """Then, or the later time from which on the table has all events."""
        horizon = self.of(table)
        return since if horizon is None else max(since, horizon)


async def hold_events(connection: AsyncConnection) -> None:
    """No events expire from here on until the transaction ends.

    To be asked first: a snapshot that is older than this would still say that nothing
    has expired, while the partitions are gone.
    """
    await connection.execute(STATEMENTS["hold"])


async def read_horizons(connection: AsyncConnection, tenant: str) -> Horizons:
    """A tenant's, as of the transaction. Reads only."""
    values = {"tenant_id": tenant}
    rows = await (await connection.execute(STATEMENTS["horizons"], values)).fetchall()
    return Horizons(dict(rows))
