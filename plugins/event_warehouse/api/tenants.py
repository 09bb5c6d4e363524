"""Whose request it is. The one place that says so."""

from typing import Annotated

from fastapi import Depends, Request

from event_warehouse.api.services import services_of


async def tenant_of_request(request: Request) -> str:
    """The service's one tenant, as long as nobody authenticates."""
    return services_of(request).tenant


Tenant = Annotated[str, Depends(tenant_of_request)]
