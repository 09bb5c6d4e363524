"""Who sent a request, and whether they may."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from event_warehouse.access.caller import Caller
from event_warehouse.access.keys import KnownKey, Scope
from event_warehouse.api.problems import CLOSE, Problem
from event_warehouse.api.services import services_of

SIGN_IN = {**CLOSE, "www-authenticate": "Bearer"}


def may(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency that returns the caller if their key has the scope.

    It raises Problem: 401 for an unknown key, 403 for a key without the scope.
    """

    async def caller_of(request: Request) -> Caller:
        caller = await _caller(request)
        if scope not in caller.scopes:
            raise Problem(
                HTTPStatus.FORBIDDEN, f"This key is not for {scope}.", headers=CLOSE
            )
        return caller

    return caller_of


async def _caller(request: Request) -> Caller:
    key = _key_of(request)
    return Caller(key.key_id, key.tenant, key.role, key.scopes)


AnyCaller = Annotated[Caller, Depends(_caller)]
"""A caller with a known key, whatever its scopes."""
MayWrite = Annotated[Caller, Depends(may(Scope.EVENTS_WRITE))]
MayQuery = Annotated[Caller, Depends(may(Scope.QUERY_READ))]
MaySeeStats = Annotated[Caller, Depends(may(Scope.STATS_READ))]


def require_operator(caller: Caller) -> None:
    """Raises Problem unless the caller may see all tenants."""
    if not caller.is_operator:
        detail = "This is about all tenants; it takes an operator's key."
        raise Problem(HTTPStatus.FORBIDDEN, detail, headers=CLOSE)


def _key_of(request: Request) -> KnownKey:
    shown = request.headers.getlist("authorization")
    scheme, _, text = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        detail = "Sign the request in with a key: Authorization: Bearer ew_..."
        raise Problem(HTTPStatus.UNAUTHORIZED, detail, headers=SIGN_IN)
    key = services_of(request).keys.find(text.strip(), datetime.now(UTC))
    if key is None:
        # Wrong, unknown, revoked and expired look the same from outside.
        detail = "This key is not known, or no longer."
        raise Problem(HTTPStatus.UNAUTHORIZED, detail, headers=SIGN_IN)
    return key
