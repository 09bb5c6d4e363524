"""What the service answers when it can't do what was asked (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from event_warehouse.accept.errors import (
    Fault,
    InvalidRequest,
    KeyReused,
    Unavailable,
)

CLOSE = {"connection": "close"}
"""For an answer given before the body has arrived: the rest of it is not read."""


@dataclass(eq=False)
class Problem(Exception):
    """An answer that says what is wrong."""

    status: HTTPStatus
    detail: str
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] | None = None
    members: Mapping[str, object] | None = None
    """Members that only this kind of problem has."""


def answer_with_problems(app: FastAPI) -> None:
    """Answers every error in the app with a problem document."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(InvalidRequest, _answer_invalid_request)
    app.add_exception_handler(KeyReused, _answer_key_reused)
    app.add_exception_handler(Unavailable, _answer_unavailable)
    app.add_exception_handler(RequestValidationError, _answer_invalid_parameters)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)
    app.add_exception_handler(Exception, _answer_failure)


def respond(problem: Problem) -> Response:
    """The problem as a response."""
    content: dict[str, object] = {
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        **(problem.members or {}),
        "errors": [_without_nulls(fault) for fault in problem.faults],
    }
    return Response(
        msgspec.json.encode(content),
        problem.status,
        problem.headers,
        media_type="application/problem+json",
    )


def _without_nulls(fault: Fault) -> dict[str, object]:
    members = {"index": fault.index, "field": fault.field, "reason": fault.reason}
    return {name: value for name, value in members.items() if value is not None}


# Starlette has one type for the handlers of all exceptions, hence Any.
async def _answer_problem(_: Request, problem: Any) -> Response:
    return respond(problem)


async def _answer_invalid_request(_: Request, error: Any) -> Response:
    counted = error.invalid_events
    members = {"invalid_events": counted} if counted else None
    return respond(
        Problem(HTTPStatus.BAD_REQUEST, str(error), error.faults, members=members)
    )


async def _answer_key_reused(_: Request, error: Any) -> Response:
    return respond(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)))


async def _answer_unavailable(_: Request, error: Any) -> Response:
    headers = {**CLOSE, "retry-after": str(error.retry_after)}
    return respond(Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers=headers))


async def _answer_invalid_parameters(_: Request, error: Any) -> Response:
    faults = [
        Fault(one["msg"], ".".join(str(part) for part in one["loc"][1:]))
        for one in error.errors()
    ]
    return respond(Problem(HTTPStatus.BAD_REQUEST, "A parameter is not valid.", faults))


async def _answer_http_exception(_: Request, error: Any) -> Response:
    status = HTTPStatus(error.status_code)
    return respond(Problem(status, error.detail, headers=error.headers))


async def _answer_nobody(_: Request, __: Any) -> Response:
    return respond(Problem(HTTPStatus.BAD_REQUEST, "The request was not sent whole."))


async def _answer_failure(_: Request, __: Any) -> Response:
    detail = "The service failed; its log says why."
    return respond(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail))
