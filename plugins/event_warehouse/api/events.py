"""Accepts events, and serves their schema."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from event_warehouse.accept.acceptance import Accepted
from event_warehouse.accept.schema import SCHEMA_TEXT
from event_warehouse.api.bodies import JSON, read_json
from event_warehouse.api.problems import CLOSE, Problem
from event_warehouse.api.services import AppServices, Services, services_of
from event_warehouse.api.tenants import Tenant

INLINE_BYTES = 64 * 1024
"""A longer body is parsed in a thread, so that short ones need not wait for it."""
KEY = "idempotency-key"
VISIBLE_ASCII = re.compile(r"[!-~]{1,200}")

router = APIRouter()


async def idempotency_key(request: Request) -> str | None:
    """The request's Idempotency-Key, if any; raises Problem if it is not valid."""
    keys = request.headers.getlist(KEY)
    if not keys:
        return None
    if len(keys) > 1 or not VISIBLE_ASCII.fullmatch(keys[0]):
        detail = (
            "Idempotency-Key must be given once, as 1 to 200 visible ASCII characters."
        )
        raise Problem(HTTPStatus.BAD_REQUEST, detail, headers=CLOSE)
    return keys[0]


async def json_body(request: Request) -> AsyncIterator[bytes]:
    """The request's body, within the service's limits."""
    services = services_of(request)
    async with read_json(request, services.limits, services.in_flight) as body:
        yield body


IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]
JsonBody = Annotated[bytes, Depends(json_body)]

DESCRIPTION: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A repeat with the same key and body makes the same events.",
            "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {JSON: {"schema": {"$ref": "/events/schema"}}},
    },
}


@router.post("/events", openapi_extra=DESCRIPTION)
async def post_events(
    tenant: Tenant, key: IdempotencyKey, body: JsonBody, services: AppServices
) -> Response:
    """Accept all of the events or none; they are stored durably when this answers."""
    accepted = await _accept(services, body, tenant, key)
    return Response(msgspec.json.encode(accepted), media_type=JSON)


@router.get("/events/schema")
async def get_schema() -> Response:
    """The JSON Schema that POST /events checks its body with."""
    return Response(SCHEMA_TEXT, media_type="application/schema+json")


async def _accept(
    services: Services, body: bytes, tenant: str, key: str | None
) -> Accepted:
    accept, now = services.acceptance.accept, datetime.now(UTC)
    if len(body) <= INLINE_BYTES:
        answer, committed = accept(body, tenant=tenant, key=key, now=now)
    else:
        answer, committed = await run_in_threadpool(
            accept, body, tenant=tenant, key=key, now=now
        )
    await asyncio.wrap_future(committed)
    return answer
