"""What an operator looks at to see whether the warehouse is healthy."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from event_warehouse.answers.asked import Asked
from event_warehouse.answers.overview import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    STATUSES,
    read_activity,
    read_loads,
    read_loads_question,
    read_rejections,
)
from event_warehouse.api.answers import (
    OnlyShowSql,
    ShowSql,
    about_answer,
    json_answer,
    told_sql,
)
from event_warehouse.api.callers import MaySeeStats, require_operator
from event_warehouse.api.parameters import limit_parameter, query_parameter
from event_warehouse.api.services import AppServices

router = APIRouter()


LOADS: dict[str, Any] = {
    "parameters": [
        query_parameter("feed", "Only files of this feed."),
        query_parameter("status", "Only files that are at this.", enum=list(STATUSES)),
        limit_parameter("Files of one answer.", default=DEFAULT_LIMIT, most=MAX_LIMIT),
        query_parameter("after", "The `next` of the answer before this page."),
    ]
}


@router.get("/stats/activity")
async def get_activity(
    caller: MaySeeStats, services: AppServices, show_sql: OnlyShowSql
) -> Response:
    """Events by hour, up to the newest; for operators also what arrived by hour."""
    started = time.perf_counter()
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(caller.tenant)
        asked = Asked(connection)
        activity = await read_activity(asked, with_arrivals=caller.tenant is None)
    content: dict[str, object] = {
        "start": activity.start,
        "end": activity.end,
        "events": activity.events,
    }
    if activity.arrivals is not None:
        content["arrivals"] = activity.arrivals
    about = about_answer(fresh, started=started)
    return json_answer({**content, **about, **told_sql(asked, is_asked=show_sql)})


@router.get("/stats/loads", openapi_extra=LOADS)
async def get_loads(
    caller: MaySeeStats,
    services: AppServices,
    request: Request,
    show_sql: ShowSql = False,
) -> Response:
    """The accounting: where the records of each file are, newest file first."""
    started = time.perf_counter()
    require_operator(caller)
    question = read_loads_question(request.query_params.multi_items())
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(None)
        asked = Asked(connection)
        loads, after = await read_loads(asked, question)
    about = about_answer(fresh, started=started) | told_sql(asked, is_asked=show_sql)
    return json_answer({"loads": loads, "next": after, **about})


@router.get("/stats/rejections")
async def get_rejections(
    caller: MaySeeStats, services: AppServices, show_sql: OnlyShowSql
) -> Response:
    """Rejected lines and events by reason, with examples; for tenants only events."""
    started = time.perf_counter()
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(caller.tenant)
        asked = Asked(connection)
        rejections, is_cut_off = await read_rejections(asked, caller.tenant)
    about = about_answer(fresh, started=started) | told_sql(asked, is_asked=show_sql)
    return json_answer({"rejections": rejections, "is_cut_off": is_cut_off, **about})
