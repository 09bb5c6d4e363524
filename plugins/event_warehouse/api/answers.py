"""What every answer says about itself, and how it is written."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import Depends, Query, Request, Response

from event_warehouse.answers.asked import Asked
from event_warehouse.answers.freshness import Freshness
from event_warehouse.query.answer import about_statements
from event_warehouse.query.query_string import QueryString

JSON = "application/json"
ShowSql = Annotated[
    bool, Query(description="Whether the answer has its statements, too.")
]


def _nothing_else(request: Request, show_sql: ShowSql = False) -> bool:
    given = QueryString(request.query_params.multi_items(), ("show_sql",))
    if given.faults:
        raise given.invalid()
    return show_sql


OnlyShowSql = Annotated[bool, Depends(_nothing_else)]
"""The same for a route with no other parameter: `?tenant=acme` is refused instead of
being answered for all tenants."""


def about_answer(
    freshness: Freshness,
    *,
    started: float,
    time_zone: str = "UTC",
    is_estimate: bool = False,
) -> dict[str, object]:
    """Members of an answer: its time zone, whether it is an estimate, how fresh it is,
    and how long it took.

    Read the freshness before the answer's first statement, which takes the snapshot: it
    may then claim less than the numbers contain, but never more. `started` comes from
    time.perf_counter.
    """
    return {
        "time_zone": time_zone,
        "is_estimate": is_estimate,
        "freshness": {
            "newest_load_at": written(freshness.newest_load_at),
            "pending_events": freshness.pending_events,
            "rejected_events": freshness.rejected_events,
            "expired_before": written(freshness.expired_before),
        },
        "elapsed_ms": round((time.perf_counter() - started) * 1000, 3),
    }


def told_sql(asked: Asked, *, is_asked: bool) -> dict[str, object]:
    """The member with the answer's statements; empty unless they are asked for."""
    return {"statements": about_statements(asked.statements)} if is_asked else {}


def json_answer(
    content: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> Response:
    """The content as JSON."""
    return Response(msgspec.json.encode(content), media_type=JSON, headers=headers)


def written(moment: datetime | None) -> str | None:
    """The moment in UTC, as ISO 8601."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
