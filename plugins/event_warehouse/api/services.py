"""What the routes work with, made once a process."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from event_warehouse.accept.acceptance import Acceptance, open_acceptance
from event_warehouse.accept.limits import Limits
from event_warehouse.api.bodies import BytesInFlight
from event_warehouse.settings import Settings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[dict[str, object]]]


@dataclass(frozen=True)
class Services:
    """The process's own, from its start to its end."""

    settings: Settings
    tenant: str
    limits: Limits
    acceptance: Acceptance
    in_flight: BytesInFlight


def lifespan_of(settings: Settings, *, tenant: str, limits: Limits) -> Lifespan:
    """Opens the services when the process starts and closes them when it ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        with open_acceptance(settings, limits) as acceptance:
            in_flight = BytesInFlight(limits.max_bytes_in_flight)
            services = Services(settings, tenant, limits, acceptance, in_flight)
            yield {"services": services}

    return lifespan


def services_of(request: Request) -> Services:
    """The services of the process that answers."""
    services: Services = request.state.services
    return services


# Not async, it would be run in a thread, which costs more than it does.
async def _services(request: Request) -> Services:
    return services_of(request)


AppServices = Annotated[Services, Depends(_services)]
