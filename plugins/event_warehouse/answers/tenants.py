"""Whose events there are, and of which days."""

from dataclasses import dataclass
from datetime import date

from psycopg import AsyncConnection
from psycopg.rows import class_row

from event_warehouse.database import load_statements

STATEMENTS = load_statements("event_warehouse.answers", "tenants")
MOST = 1_000
"""A list to choose from is no longer."""


@dataclass(frozen=True)
class TenantDays:
    """A tenant's events, and the first and last day (UTC) that has some."""

    tenant_id: str
    event_count: int
    first_date: date
    last_date: date


async def read_tenants(connection: AsyncConnection) -> tuple[list[TenantDays], bool]:
    """Those that the connection's role may see, by their number of events; and whether
    there are more.
    """
    async with connection.cursor(row_factory=class_row(TenantDays)) as cursor:
        await cursor.execute(STATEMENTS["tenants"], {"most": MOST + 1})
        tenants = await cursor.fetchall()
    return tenants[:MOST], len(tenants) > MOST
