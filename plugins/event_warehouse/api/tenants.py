"""Decides which tenant a request is for; no other module does."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from event_warehouse.accept.errors import Fault
from event_warehouse.access.caller import Caller
from event_warehouse.api.callers import MayQuery, MayWrite
from event_warehouse.api.problems import CLOSE, Problem
from event_warehouse.api.services import Services, services_of
from event_warehouse.tenant_names import problem_of_tenant

HEADER = "event-tenant"
"""Names the tenant when the key is an operator's, which is for all tenants."""


def tenant_asked_for(request: Request, caller: Caller, services: Services) -> str:
    """The key's tenant; with an operator's key, the header's tenant or the default.

    Raises Problem if the header is not valid or names a tenant the key is not for.
    """
    named = request.headers.getlist(HEADER)
    if not named:
        return services.tenant if caller.tenant is None else caller.tenant
    if len(named) > 1:
        raise _bad_header("is given more than once")
    try:
        # Headers are bytes, which Starlette decodes as Latin-1.
        tenant = named[0].encode("latin-1").decode()
    except UnicodeError as error:
        raise _bad_header("is not UTF-8") from error
    if problem := problem_of_tenant(tenant):
        raise _bad_header(problem)
    require_own(caller, tenant)
    return tenant


def require_own(caller: Caller, tenant: str) -> None:
    """Raises Problem if the key is another tenant's, whether `tenant` exists or not."""
    if caller.tenant not in {None, tenant}:
        detail = "This key is another tenant's."
        raise Problem(HTTPStatus.FORBIDDEN, detail, headers=CLOSE)


def _bad_header(reason: str) -> Problem:
    return Problem(
        HTTPStatus.BAD_REQUEST,
        "The request does not say whose it is.",
        [Fault(reason, "Event-Tenant")],
        headers=CLOSE,
    )


async def _tenant_of_writer(request: Request, caller: MayWrite) -> str:
    return tenant_asked_for(request, caller, services_of(request))


async def _tenant_of_query(request: Request, caller: MayQuery) -> str:
    return tenant_asked_for(request, caller, services_of(request))


Tenant = Annotated[str, Depends(_tenant_of_writer)]
"""Whose events are sent."""
QueryTenant = Annotated[str, Depends(_tenant_of_query)]
"""Whose events are asked about."""
