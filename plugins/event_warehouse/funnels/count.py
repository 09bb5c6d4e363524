"""Counts a funnel over the events, whatever the conditions of its steps."""

from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from event_warehouse.database import load_statements
from event_warehouse.funnels.definition import Funnel, StepCount

STATEMENTS = load_statements("event_warehouse.funnels", "count")


def count_funnel(
    connection: psycopg.Connection,
    funnel: Funnel,
    *,
    start: datetime,
    end: datetime,
    tenant: str | None = None,
) -> list[StepCount]:
    """The steps by breakdown (null last) and number, including those nobody reached.

    Counts events from start (inclusive) to end (exclusive), of all tenants if `tenant`
    is None; a chain must lie within them. Without a breakdown there is one row per
    step; with one, a value has rows if somebody began with it. Reads only, as the
    connection's current role.
    """
    with connection.cursor(row_factory=class_row(StepCount)) as cursor:
        cursor.execute(
            STATEMENTS["count"],
            {
                "definition": Jsonb(in_sql(connection, funnel)),
                "from_time": start,
                "until_time": end,
                "tenant": tenant,
            },
        )
        return cursor.fetchall()


def in_sql(
    connection: psycopg.Connection | psycopg.AsyncConnection, funnel: Funnel
) -> dict[str, object]:
    """The funnel as `funnels.counted` takes it, with its expressions as SQL text."""

    def text(expression: sql.Composable) -> str:
        return expression.as_string(connection)

    return {
        "order": funnel.order.value,
        "window_seconds": funnel.window_seconds,
        "actor": text(funnel.actor),
        "match": [text(key) for key in funnel.match],
        "breakdown": funnel.breakdown and text(funnel.breakdown),
        "steps": [
            {
                "step": step.name,
                "condition": text(step.condition),
                "window_seconds": step.window_seconds,
            }
            for step in funnel.steps
        ],
    }
