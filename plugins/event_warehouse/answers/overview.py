"""The warehouse's recent activity: events, arrivals, files and rejections."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from event_warehouse.answers.asked import Asked
from event_warehouse.database import load_statements
from event_warehouse.query.listing import problem_of_text
from event_warehouse.query.query_string import QueryString

STATEMENTS = load_statements("event_warehouse.answers", "overview")
HOUR = timedelta(hours=1)
HOURS = 14 * 24
"""How many hours of events and of arrivals are shown."""
REASONS = 100
DEFAULT_LIMIT = 50
MAX_LIMIT = 1_000
MAX_LOAD_ID = 2**63 - 1
PARAMETERS = ("feed", "status", "limit", "after", "show_sql")
STATUSES = ("balanced", "unbalanced", "pending", "failed", "replaced", "dismissed")

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Activity:
    """The hours up to the newest that has events."""

    start: datetime | None
    end: datetime | None
    events: Rows
    arrivals: Rows | None
    """Only for operators; None for tenants."""


@dataclass(frozen=True)
class LoadsQuestion:
    """Which files of the accounting, newest first."""

    feed: str | None
    status: str | None
    limit: int
    after: int | None
    """A load id; only loads before it are listed."""


async def read_activity(asked: Asked, *, with_arrivals: bool) -> Activity:
    """The activity of all tenants that the connection's role may see."""
    arrivals = None
    if with_arrivals:
        newest_first = await asked.rows(STATEMENTS, "arrivals_by_hour", most=HOURS)
        arrivals = newest_first[::-1]
    (newest,) = await asked.rows(STATEMENTS, "newest_hour")
    if newest["newest_hour"] is None:
        return Activity(None, None, (), arrivals)
    start = newest["newest_hour"] - (HOURS - 1) * HOUR
    end = newest["newest_hour"] + HOUR
    events = await asked.rows(STATEMENTS, "events_by_hour", start=start, before=end)
    return Activity(start, end, events, arrivals)


def read_loads_question(parameters: Sequence[tuple[str, str]]) -> LoadsQuestion:
    """The question in the query parameters; raises InvalidQuery with every fault."""
    given = QueryString(parameters, PARAMETERS)
    feed = given.text("feed", problem_of_text)
    status = given.one_of("status", STATUSES)
    limit = given.number("limit", MAX_LIMIT)
    after = given.number("after", MAX_LOAD_ID)
    if given.faults:
        raise given.invalid()
    return LoadsQuestion(feed, status, limit or DEFAULT_LIMIT, after)


async def read_loads(asked: Asked, question: LoadsQuestion) -> tuple[Rows, int | None]:
    """Where the records of each file are, and the `after` of the next page, if any."""
    rows = await asked.rows(
        STATEMENTS,
        "loads",
        feed=question.feed,
        status=question.status,
        after=question.after,
        most=question.limit + 1,
    )
    page = rows[: question.limit]
    return page, page[-1]["load_id"] if len(rows) > len(page) else None


async def read_rejections(asked: Asked, tenant: str | None) -> tuple[Rows, bool]:
    """What is rejected now by reason, most first, of one tenant or of all; also whether
    there are more reasons.
    """
    most = REASONS + 1
    if tenant is None:
        rows = await asked.rows(STATEMENTS, "rejections", most=most)
    else:
        rows = await asked.rows(
            STATEMENTS, "tenant_rejections", tenant_id=tenant, most=most
        )
    return rows[:REASONS], len(rows) > REASONS
