"""How fresh the answers are, and what they lack: kept in memory, so that it costs an
answer nothing to say so.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from psycopg import AsyncConnection

from event_warehouse.accept.times import LATEST_AHEAD
from event_warehouse.database import load_statements
from event_warehouse.query.expired import Horizons

STATEMENTS = load_statements("event_warehouse.answers", "freshness")

Days = Sequence[tuple[date, int]]


@dataclass(frozen=True)
class Freshness:
    """What an answer says about its own freshness."""

    newest_load_at: datetime | None
    """Arrival of the newest file that every model has applied."""
    pending_events: int
    """The tenant's records in files that are loaded but not yet applied; of any time,
    as event times are not parsed before that."""
    rejected_events: int
    """The tenant's records that can't be cast and arrived late enough to belong to the
    range; by arrival, as the event time may be what can't be cast."""
    expired_before: datetime | None = None
    """The time from which the tenant's single events are kept; None if none have
    expired. Counts of earlier events stay."""


@dataclass
class FreshnessLedger:
    """What Postgres last reported; `refresh` asks again, usually for one row."""

    newest_load_at: datetime | None = None
    pending: dict[int, Counter[str]] = field(default_factory=dict)
    """The number of records by tenant of each pending load; a load's never changes."""
    rejected: Mapping[str, Days] = field(default_factory=dict)
    horizons: Mapping[str, Horizons] = field(default_factory=dict)
    """Of each tenant with expired events."""
    _rejected_changed_at: datetime | None = None
    _horizons: Sequence[tuple[str, datetime]] = ()

    def of(self, tenant: str | None, since: datetime | None = None) -> Freshness:
        """The freshness of a tenant's events since then; None means of all."""
        chosen = self.rejected if tenant is None else [tenant]
        first = (since - LATEST_AHEAD).date() if since and _has_before(since) else None
        return Freshness(
            self.newest_load_at,
            sum(
                counts.total() if tenant is None else counts[tenant]
                for counts in self.pending.values()
            ),
            sum(
                count
                for name in chosen
                for day, count in self.rejected.get(name, ())
                if first is None or day >= first
            ),
            self._expired_before(tenant),
        )

    def has_all(self, tenant: str, table: str, since: datetime) -> bool:
        """Whether none of a tenant's events since then have expired from a table."""
        horizons = self.horizons.get(tenant)
        return horizons is None or horizons.has_all(table, since)

    def _expired_before(self, tenant: str | None) -> datetime | None:
        chosen = self.horizons if tenant is None else [tenant]
        found = (self.horizons[one] for one in chosen if one in self.horizons)
        return max((one.of_events for one in found if one.of_events), default=None)

    async def refresh(self, connection: AsyncConnection) -> None:
        """Asks only for newly pending loads, and for rejects only if they changed."""
        cursor = await connection.execute(STATEMENTS["ledger_state"])
        row = await cursor.fetchone()
        assert row is not None
        newest_load_at, pending_loads, rejected_changed_at = row
        if rejected_changed_at != self._rejected_changed_at:
            self.rejected = await _rejected(connection)
            self._rejected_changed_at = rejected_changed_at
        unknown = [load for load in pending_loads if load not in self.pending]
        counted = await _pending(connection, unknown)
        self.pending = {
            load: self.pending.get(load) or counted[load] for load in pending_loads
        }
        self.newest_load_at = newest_load_at
        await self._refresh_horizons(connection)

    async def _refresh_horizons(self, connection: AsyncConnection) -> None:
        """Asks for the tenants' horizons only if months expired or a model is new."""
        rows = await (await connection.execute(STATEMENTS["horizons"])).fetchall()
        if rows != self._horizons:
            self.horizons = await _horizons(connection)
            self._horizons = rows


def _has_before(moment: datetime) -> bool:
    """False at the very start of the year 1, the earliest time that Python has."""
    return moment.date() > date.min + timedelta(days=1)


async def _pending(
    connection: AsyncConnection, loads: list[int]
) -> defaultdict[int, Counter[str]]:
    counted: defaultdict[int, Counter[str]] = defaultdict(Counter)
    if loads:
        cursor = await connection.execute(STATEMENTS["pending"], {"loads": loads})
        async for load, tenant, count in cursor:
            counted[load][tenant] = count
    return counted


async def _rejected(connection: AsyncConnection) -> dict[str, Days]:
    days: defaultdict[str, list[tuple[date, int]]] = defaultdict(list)
    cursor = await connection.execute(STATEMENTS["rejected"])
    async for tenant, day, count in cursor:
        days[tenant].append((day, count))
    return dict(days)


async def _horizons(connection: AsyncConnection) -> dict[str, Horizons]:
    models: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
    cursor = await connection.execute(STATEMENTS["horizons_by_tenant"])
    async for tenant, model, horizon in cursor:
        models[tenant][model] = horizon
    return {tenant: Horizons(by_model) for tenant, by_model in models.items()}
