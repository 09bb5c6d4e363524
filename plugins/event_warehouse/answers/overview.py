"""How the warehouse has done of late: events, arrivals, files, what was rejected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from event_warehouse.accept.errors import Fault, InvalidRequest
from event_warehouse.database import load_statements
from event_warehouse.query.parameters import Shown

STATEMENTS = load_statements("event_warehouse.answers", "overview")
HOUR = timedelta(hours=1)
HOURS = 14 * 24
"""Of events and of arrivals that are shown."""
REASONS = 100
DEFAULT_LIMIT = 50
MAX_LIMIT = 1_000
STATUSES = ("balanced", "unbalanced", "pending", "failed", "replaced", "dismissed")

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Activity:
    """The hours up to the newest that has events."""

    start: datetime | None
    end: datetime | None
    events: Rows
    arrivals: Rows | None
    """Of the operator's files; none for tenants."""


@dataclass(frozen=True)
class LoadsQuestion:
    """Which files of the accounting, newest first."""

    feed: str | None
    status: str | None
    limit: int
    after: int | None
    """A load: those before it."""


async def read_activity(
    connection: AsyncConnection, *, with_arrivals: bool, shown: list[Shown]
) -> Activity:
    """Of all tenants whose events the connection's role may see.

    `shown` is given the statements that this takes, here and below.
    """
    cursor = await connection.execute(STATEMENTS["newest_hour"])
    ((newest,),) = await cursor.fetchall()
    arrivals = None
    if with_arrivals:
        most = {"most": HOURS}
        arrivals = (await _rows(connection, "arrivals_by_hour", most, shown))[::-1]
    if newest is None:
        return Activity(None, None, (), arrivals)
    start, end = newest - (HOURS - 1) * HOUR, newest + HOUR
    values = {"start": start, "before": end}
    events = await _rows(connection, "events_by_hour", values, shown)
    return Activity(start, end, events, arrivals)


def read_loads_question(parameters: Sequence[tuple[str, str]]) -> LoadsQuestion:
    """What is asked by a query's parameters; raises InvalidRequest with every fault."""
    given = dict(parameters)
    faults = [
        Fault("is not known here", name)
        for name in given
        if name not in {"feed", "status", "limit", "after", "show_sql"}
    ]
    if "\0" in given.get("feed", ""):
        faults.append(Fault("holds a NUL character", "feed"))
    if given.get("status", STATUSES[0]) not in STATUSES:
        faults.append(Fault(f"must be one of {', '.join(STATUSES)}", "status"))
    limit = _number(given, "limit", MAX_LIMIT, faults)
    after = _number(given, "after", 10**18, faults)
    if faults:
        raise InvalidRequest("These are no files to ask for.", faults)
    return LoadsQuestion(
        given.get("feed"), given.get("status"), limit or DEFAULT_LIMIT, after
    )


def _number(
    given: dict[str, str], name: str, most: int, faults: list[Fault]
) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    is_number = text.isascii() and text.isdecimal() and len(text) <= 18
    if not is_number or not 1 <= int(text) <= most:
        faults.append(Fault(f"is no whole number from 1 to {most:,}", name))
        return None
    return int(text)


async def read_loads(
    connection: AsyncConnection, question: LoadsQuestion, *, shown: list[Shown]
) -> tuple[Rows, int | None]:
    """Where the records of each file are; and what the next page comes after."""
    values = {
        "feed": question.feed,
        "status": question.status,
        "after": question.after,
        "most": question.limit + 1,
    }
    rows = await _rows(connection, "loads", values, shown)
    page = rows[: question.limit]
    return page, page[-1]["load_id"] if len(rows) > len(page) else None


async def read_rejections(
    connection: AsyncConnection, tenant: str | None, *, shown: list[Shown]
) -> tuple[Rows, bool]:
    """What is rejected now by reason, most first, of one tenant or of all; and whether
    there are more reasons.
    """
    values: dict[str, Any] = {"most": REASONS + 1}
    if tenant is None:
        rows = await _rows(connection, "rejections", values, shown)
    else:
        values["tenant_id"] = tenant
        rows = await _rows(connection, "tenant_rejections", values, shown)
    return rows[:REASONS], len(rows) > REASONS


async def _rows(
    connection: AsyncConnection, name: str, values: dict[str, Any], shown: list[Shown]
) -> list[dict[str, Any]]:
    shown.append(Shown(STATEMENTS[name].as_string(), values, name))
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(STATEMENTS[name], values)
        return await cursor.fetchall()
