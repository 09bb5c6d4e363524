"""The keys that events have, and their values, for autocompletion."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from event_warehouse.accept.errors import Fault
from event_warehouse.api.answers import about_answer, json_answer
from event_warehouse.api.callers import MayQuery
from event_warehouse.api.parameters import limit_parameter, query_parameter
from event_warehouse.api.services import AppServices
from event_warehouse.api.tenants import QueryTenant
from event_warehouse.query.errors import InvalidQuery
from event_warehouse.query.listing import (
    DEFAULT_LISTED,
    MAX_LISTED,
    VALUES_PER_KEY,
    list_keys,
    list_values,
    problem_of_text,
    read_choice,
)

router = APIRouter()


DESCRIPTION: dict[str, Any] = {
    "parameters": [
        query_parameter("prefix", "How they begin."),
        query_parameter(
            "event_type", "Of events of this type; empty: of those with none."
        ),
        limit_parameter("How many at most.", default=DEFAULT_LISTED, most=MAX_LISTED),
    ]
}


@router.get("/keys", openapi_extra=DESCRIPTION)
async def get_keys(
    caller: MayQuery, tenant: QueryTenant, services: AppServices, request: Request
) -> Response:
    """The keys that events have, those with the most events first."""
    started = time.perf_counter()
    choice = read_choice(request.query_params.multi_items())
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(tenant)
        listing = await list_keys(connection, choice, tenant=tenant)
    return json_answer(
        {
            "keys": [
                {"key": one.name, "event_count": one.event_count}
                for one in listing.items
            ],
            "is_cut_off": listing.is_cut_off,
            **about_answer(fresh, started=started),
        }
    )


# A path parameter, as an attribute's name may contain slashes.
@router.get("/keys/{key:path}/values", openapi_extra=DESCRIPTION)
async def get_values(
    key: str,
    caller: MayQuery,
    tenant: QueryTenant,
    services: AppServices,
    request: Request,
) -> Response:
    """The values of a key, those with the most events first.

    At most 1,000 values of a key are kept. Users, entities and devices are all listed,
    by name and without counts.
    """
    started = time.perf_counter()
    if problem := problem_of_text(key):
        raise InvalidQuery("There is no such key.", [Fault(problem, "key")])
    choice = read_choice(request.query_params.multi_items())
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(tenant)
        listing, is_complete = await list_values(connection, key, choice, tenant=tenant)
    return json_answer(
        {
            "key": key,
            "values": [
                {"value": one.name, "event_count": one.event_count}
                for one in listing.items
            ],
            "is_cut_off": listing.is_cut_off,
            "values_kept": VALUES_PER_KEY,
            "has_all_values": is_complete,
            **about_answer(fresh, started=started),
        }
    )
