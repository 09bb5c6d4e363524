"""What an operator looks at to see whether the warehouse is well."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from event_warehouse.answers.overview import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    STATUSES,
    read_activity,
    read_loads,
    read_loads_question,
    read_rejections,
)
from event_warehouse.api.answers import ShowSql, about_answer, json_answer, told_sql
from event_warehouse.api.callers import MaySeeStats, require_operator
from event_warehouse.api.services import AppServices
from event_warehouse.query.parameters import Shown

router = APIRouter()


def _parameter(name: str, description: str, **schema: object) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": "string", **schema},
    }


LOADS: dict[str, Any] = {
    "parameters": [
        _parameter("feed", "Only files of this feed."),
        _parameter("status", "Only files that are at this.", enum=list(STATUSES)),
        _parameter(
            "limit",
            "Files of one answer.",
            type="integer",
            minimum=1,
            maximum=MAX_LIMIT,
            default=DEFAULT_LIMIT,
        ),
        _parameter("after", "The `next` of the answer before this page."),
    ]
}


@router.get("/stats/activity")
async def get_activity(
    caller: MaySeeStats, services: AppServices, show_sql: ShowSql = False
) -> Response:
    """Events by hour, up to the newest; for operators also what arrived by hour."""
    started = time.perf_counter()
    shown: list[Shown] = []
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(caller.tenant)
        activity = await read_activity(
            connection, with_arrivals=caller.tenant is None, shown=shown
        )
    content: dict[str, object] = {
        "start": activity.start,
        "end": activity.end,
        "events": activity.events,
    }
    if activity.arrivals is not None:
        content["arrivals"] = activity.arrivals
    about = about_answer(fresh, started=started)
    return json_answer({**content, **about, **told_sql(shown, is_asked=show_sql)})


@router.get("/stats/loads", openapi_extra=LOADS)
async def get_loads(
    caller: MaySeeStats,
    services: AppServices,
    request: Request,
    show_sql: ShowSql = False,
) -> Response:
    """The accounting: where the records of each file are, newest file first."""
    started = time.perf_counter()
    shown: list[Shown] = []
    require_operator(caller)
    question = read_loads_question(request.query_params.multi_items())
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(None)
        loads, after = await read_loads(connection, question, shown=shown)
    about = about_answer(fresh, started=started) | told_sql(shown, is_asked=show_sql)
    return json_answer({"loads": loads, "next": after, **about})


@router.get("/stats/rejections")
async def get_rejections(
    caller: MaySeeStats, services: AppServices, show_sql: ShowSql = False
) -> Response:
    """Rejected lines and events by reason, with examples; of a tenant only events."""
    started = time.perf_counter()
    shown: list[Shown] = []
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(caller.tenant)
        rejections, is_cut_off = await read_rejections(
            connection, caller.tenant, shown=shown
        )
    about = about_answer(fresh, started=started) | told_sql(shown, is_asked=show_sql)
    return json_answer({"rejections": rejections, "is_cut_off": is_cut_off, **about})
