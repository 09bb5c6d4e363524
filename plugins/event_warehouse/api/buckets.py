"""Hourly buckets of a customer's events."""

import time
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from event_warehouse.answers.buckets import Page, read_buckets, read_question
from event_warehouse.api.answers import about_answer, json_answer, written
from event_warehouse.api.callers import MayQuery
from event_warehouse.api.parameters import query_parameter
from event_warehouse.api.services import AppServices
from event_warehouse.api.tenants import require_own

router = APIRouter()


DESCRIPTION: dict[str, Any] = {
    "parameters": [
        query_parameter("start", "ISO 8601; its hour counts whole.", required=True),
        query_parameter("end", "ISO 8601; hours that start before it.", required=True),
        query_parameter("event_type", "Only events of this type."),
        query_parameter("fill", "zero: hours without events are listed, too."),
        query_parameter(
            "limit", "Buckets of one answer, 1 to 10,000; 1,000 if left out."
        ),
    ]
}


# A path parameter, as a customer's id may contain slashes.
@router.get("/events/customers/{customer_id:path}/buckets", openapi_extra=DESCRIPTION)
async def get_buckets(
    customer_id: str, request: Request, caller: MayQuery, services: AppServices
) -> Response:
    """How many events the customer sent in each hour (UTC) of the range."""
    started = time.perf_counter()
    require_own(caller, customer_id)
    question = read_question(customer_id, request.query_params.multi_items())
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(customer_id, question.first)
        is_complete = services.freshness.has_all(
            customer_id, question.table, question.first
        )
        page = await read_buckets(connection, question)
    content: dict[str, object] = {
        "customer_id": customer_id,
        "buckets": [
            {"ts_start_of_hour": hour, "count": count} for hour, count in page.buckets
        ],
        "next": _next(request, page),
        "is_complete": is_complete,
        **about_answer(fresh, started=started),
    }
    return json_answer(content)


def _next(request: Request, page: Page) -> str | None:
    """The query string of the next page, which has the same path."""
    if page.next_start is None:
        return None
    parameters = {**request.query_params, "start": written(page.next_start)}
    return f"?{urlencode(parameters)}"
