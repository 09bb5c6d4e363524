"""Answers questions about events, and serves their schema."""

import re
import time
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from event_warehouse.accept.errors import Fault
from event_warehouse.api.answers import about_answer
from event_warehouse.api.bodies import JSON
from event_warehouse.api.callers import MayQuery
from event_warehouse.api.events import INLINE_BYTES, JsonBody
from event_warehouse.api.openapi import REFERENCE
from event_warehouse.api.parameters import query_parameter
from event_warehouse.api.problems import Problem, respond
from event_warehouse.api.services import AppServices
from event_warehouse.api.tenants import QueryTenant
from event_warehouse.query.answer import (
    Format,
    brief_about_of,
    write_csv,
    write_json,
    write_parquet,
)
from event_warehouse.query.body import Query, read_query
from event_warehouse.query.errors import InvalidQuery
from event_warehouse.query.query_string import QueryString
from event_warehouse.query.run import ask
from event_warehouse.query.schema import SCHEMA, SCHEMA_TEXT

ABOUT = "answer-about"
"""The header in which CSV and Parquet answers have their metadata."""
FORMATS = {"json": Format.JSON, "csv": Format.CSV, "parquet": Format.PARQUET}

FORMATS_OF = {
    **{str(format): format for format in Format},
    "text/*": Format.CSV,
    "application/*": Format.JSON,
    "*/*": Format.JSON,
}
QUALITY = re.compile(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE)

router = APIRouter()

DESCRIPTION: dict[str, Any] = {
    "parameters": [
        query_parameter(
            "format",
            "How the rows are written; else what Accept names.",
            enum=[*FORMATS],
        )
    ],
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {"$ref": REFERENCE},
                "examples": {
                    f"example {number}": {"value": example}
                    for number, example in enumerate(SCHEMA["examples"], 1)
                },
            }
        },
    },
}


def answer_invalid_queries(app: FastAPI) -> None:
    """Answers invalid questions with a problem document, as all other errors."""
    app.add_exception_handler(InvalidQuery, _answer_invalid_query)


@router.post("/query", openapi_extra=DESCRIPTION)
async def post_query(
    caller: MayQuery,
    tenant: QueryTenant,
    body: JsonBody,
    services: AppServices,
    request: Request,
) -> Response:
    """Count events by any of their keys, and how many get from one step to the next."""
    started = time.perf_counter()
    format = format_of(request)
    query = await _read(body)
    if query.funnels and format is not Format.JSON:
        fault = Fault("is answered in JSON only", "/funnel")
        raise InvalidQuery("The answer can't be written so.", [fault])
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(tenant, query.start)
        answer = await ask(connection, query, tenant=tenant)
    said = about_answer(
        replace(fresh, expired_before=answer.expired_before),
        started=started,
        time_zone=query.time_zone,
        is_estimate=answer.is_estimate,
    )
    match format:
        case Format.JSON:
            return StreamingResponse(write_json(answer, said), media_type=format)
        case Format.CSV:
            pieces = write_csv(answer)
        case Format.PARQUET:
            pieces = write_parquet(answer)
    brief = {**brief_about_of(answer), **said}
    headers = {ABOUT: msgspec.json.encode(brief).decode("ascii")}
    return StreamingResponse(pieces, media_type=format, headers=headers)


@router.get("/query/schema")
async def get_query_schema() -> Response:
    """The JSON Schema that POST /query checks its body with."""
    return Response(SCHEMA_TEXT, media_type="application/schema+json")


async def _read(body: bytes) -> Query:
    if len(body) <= INLINE_BYTES:
        return read_query(body)
    return await run_in_threadpool(read_query, body)


def format_of(request: Request) -> Format:
    """The format that the parameter names, else the one that Accept prefers.

    Raises InvalidQuery if the parameter names no format, Problem if Accept allows none.
    """
    given = QueryString(request.query_params.multi_items(), ["format"])
    named = given.one_of("format", FORMATS)
    if given.faults:
        raise given.invalid()
    if named is not None:
        return FORMATS[named]
    accepted = request.headers.get("accept") or "*/*"
    # The sort is stable: of equally preferred formats the first wins.
    liked = sorted(accepted.split(","), key=_quality, reverse=True)
    for one in liked:
        media_type = one.partition(";")[0].strip().lower()
        if media_type in FORMATS_OF and _quality(one) > 0:
            return FORMATS_OF[media_type]
    detail = f"An answer is one of {', '.join(Format)}."
    raise Problem(HTTPStatus.NOT_ACCEPTABLE, detail)


def _quality(accepted: str) -> float:
    """The quality of a part of Accept, from 0 (not acceptable) to 1."""
    found = QUALITY.search(accepted)
    return float(found[1]) if found else 1.0


# Starlette has one type for the handlers of all exceptions, hence Any.
async def _answer_invalid_query(_: Request, error: Any) -> Response:
    return respond(Problem(HTTPStatus.BAD_REQUEST, str(error), error.faults))
