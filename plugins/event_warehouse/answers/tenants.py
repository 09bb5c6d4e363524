"""The tenants that have events, and from which days."""

from dataclasses import dataclass
from datetime import date

from psycopg import AsyncConnection
from psycopg.rows import class_row

from event_warehouse.database import load_statements

STATEMENTS = load_statements("event_warehouse.answers", "tenants")
MOST = 1_000
"""The most that a list to choose from has."""


@dataclass(frozen=True)
class TenantDays:
    """A tenant's number of events, and the first and last day (UTC) that has any."""

    tenant_id: str
    event_count: int
    first_date: date
    last_date: date


async def read_tenants(
    connection: AsyncConnection, prefix: str = "", limit: int = MOST
) -> tuple[list[TenantDays], bool]:
    """The tenants that the connection's role may see, most events first; also whether
    the limit left some out.
    """
    values = {"prefix": prefix, "most": limit + 1}
    async with connection.cursor(row_factory=class_row(TenantDays)) as cursor:
        await cursor.execute(STATEMENTS["tenants"], values)
        tenants = await cursor.fetchall()
    return tenants[:limit], len(tenants) > limit
