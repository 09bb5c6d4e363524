"""Who is signed in, and what there is for them to look at."""

import time

from fastapi import APIRouter, Response

from event_warehouse.access.keys import Scope
from event_warehouse.answers.tenants import read_tenants
from event_warehouse.api.answers import about_answer, json_answer
from event_warehouse.api.callers import AnyCaller
from event_warehouse.api.services import AppServices

READING = {Scope.QUERY_READ, Scope.STATS_READ}

router = APIRouter()


@router.get("/session")
async def get_session(caller: AnyCaller, services: AppServices) -> Response:
    """The key's tenant and scopes, and the tenants that it may ask about."""
    started = time.perf_counter()
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(caller.tenant)
        # How many events there are is nothing for who may only send some.
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
