"""Who is signed in, and which tenants they may see."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from event_warehouse.access.keys import Scope
from event_warehouse.answers.tenants import read_tenants
from event_warehouse.api.answers import about_answer, json_answer
from event_warehouse.api.callers import AnyCaller, MayQuery
from event_warehouse.api.parameters import limit_parameter, query_parameter
from event_warehouse.api.services import AppServices
from event_warehouse.query.listing import DEFAULT_LISTED, MAX_LISTED, read_choice

READING = {Scope.QUERY_READ, Scope.STATS_READ}
DESCRIPTION: dict[str, Any] = {
    "parameters": [
        query_parameter(
            "prefix", "How they begin; one that is named in full comes first."
        ),
        limit_parameter("How many at most.", default=DEFAULT_LISTED, most=MAX_LISTED),
    ]
}

router = APIRouter()


@router.get("/session")
async def get_session(caller: AnyCaller, services: AppServices) -> Response:
    """The key's tenant and scopes, and the tenants that it may ask about."""
    started = time.perf_counter()
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(caller.tenant)
        # A key that may only send events does not show how many there are.
        tenants, is_cut_off = (
            await read_tenants(connection) if caller.scopes & READING else ([], False)
        )
    return json_answer(
        {
            "tenant": caller.tenant,
            "scopes": sorted(caller.scopes),
            "default_tenant": caller.tenant or services.tenant,
            "tenants": tenants,
            "is_cut_off": is_cut_off,
            "airflow_port": services.settings.airflow_port,
            **about_answer(fresh, started=started),
        }
    )


@router.get("/tenants", openapi_extra=DESCRIPTION)
async def get_tenants(
    caller: MayQuery, services: AppServices, request: Request
) -> Response:
    """The tenants that the key may ask about, those with the most events first."""
    started = time.perf_counter()
    choice = read_choice(request.query_params.multi_items(), ("prefix", "limit"))
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(caller.tenant)
        tenants, is_cut_off = await read_tenants(
            connection, choice.prefix, choice.limit
        )
    about = about_answer(fresh, started=started)
    return json_answer({"tenants": tenants, "is_cut_off": is_cut_off, **about})
