"""How fresh the answers are, and what is not in them: kept in memory, so that saying it
costs an answer nothing.
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
    """What an answer says of itself."""

    newest_load_at: datetime | None
    """Arrival of the newest file that every model has taken in."""
    pending_events: int
    """Records of the tenant in files that are loaded and not yet taken in; of any time,
    as that is not read before."""
    rejected_events: int
    """Records of the tenant that arrived late enough to be of the range, and can't be
    cast; their time may be what can't."""
    expired_before: datetime | None = None
    """From when on the tenant's single events are kept; none if none have expired.
    What was counted of those before stays."""


@dataclass
class FreshnessLedger:
    """What Postgres said last; `refresh` asks again, mostly for one row."""

    newest_load_at: datetime | None = None
    pending: dict[int, Counter[str]] = field(default_factory=dict)
    """Of each pending load, its tenants' records. A load's never change."""
    rejected: Mapping[str, Days] = field(default_factory=dict)
    horizons: Mapping[str, Horizons] = field(default_factory=dict)
    """Of each tenant that had events which have expired."""
    _rejected_changed_at: datetime | None = None
    _horizons: Sequence[tuple[str, datetime]] = ()

    def of(self, tenant: str | None, since: datetime | None = None) -> Freshness:
        """Of the events since then of a tenant; none means of all."""
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
        """Asks only for the loads that are newly pending, and rejects that changed."""
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
        """Asks for the tenants only if months have expired, or a model is new."""
        rows = await (await connection.execute(STATEMENTS["horizons"])).fetchall()
        if rows != self._horizons:
            self.horizons = await _horizons(connection)
            self._horizons = rows


def _has_before(moment: datetime) -> bool:
    """False in the year 1, before which Python has no time."""
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
