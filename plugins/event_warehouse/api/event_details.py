"""The single events behind a number."""

import time
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

from event_warehouse.answers.event_details import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    read_events,
    read_question,
)
from event_warehouse.api.answers import about_answer, json_answer
from event_warehouse.api.callers import MayQuery
from event_warehouse.api.parameters import limit_parameter, query_parameter
from event_warehouse.api.services import AppServices
from event_warehouse.api.tenants import QueryTenant
from event_warehouse.query.answer import about_sql

router = APIRouter()


DESCRIPTION: dict[str, Any] = {
    "parameters": [
        query_parameter("start", "ISO 8601; the first time.", required=True),
        query_parameter("end", "ISO 8601; before it.", required=True),
        query_parameter("event_type", "Only events of this type."),
        query_parameter(
            "filters", "A JSON list of filters, as a series of POST /query has."
        ),
        limit_parameter("Events of one answer.", default=DEFAULT_LIMIT, most=MAX_LIMIT),
        query_parameter("after", "The `next` of the answer before this page."),
        query_parameter(
            "show_sql",
            "Whether the answer has its SQL, too.",
            enum=["true", "false"],
            default="false",
        ),
    ]
}


@router.get("/events", openapi_extra=DESCRIPTION)
async def get_events(
    caller: MayQuery, tenant: QueryTenant, services: AppServices, request: Request
) -> Response:
    """The tenant's events of the range, newest first, with files for operators."""
    started = time.perf_counter()
    question = read_question(request.query_params.multi_items())
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(tenant, question.query.start)
        page = await read_events(
            connection, question, tenant=tenant, with_files=caller.tenant is None
        )
    fresh = replace(fresh, expired_before=page.expired_before)
    content: dict[str, object] = {
        "events": page.events,
        "next": page.next,
        "is_complete": page.is_complete,
    }
    about = about_answer(fresh, started=started)
    return json_answer({**content, **about, **about_sql(page.shown)})
