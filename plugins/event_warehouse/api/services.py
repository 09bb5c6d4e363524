"""What the routes work with, made once per process."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from event_warehouse.accept.acceptance import Acceptance, open_acceptance
from event_warehouse.accept.limits import Limits
from event_warehouse.access.caller import Caller
from event_warehouse.access.key_file import key_file
from event_warehouse.answers.freshness import FreshnessLedger
from event_warehouse.api.bodies import BytesInFlight
from event_warehouse.api.key_ring import KeyRing
from event_warehouse.api.reading import Connection, Reading
from event_warehouse.api.turns import QueryLimits
from event_warehouse.api.upkeep import Upkeep
from event_warehouse.settings import Settings

logger = logging.getLogger(__name__)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[dict[str, object]]]


@dataclass(frozen=True)
class Services:
    """What a process holds from its start to its end."""

    settings: Settings
    tenant: str
    limits: Limits
    acceptance: Acceptance
    in_flight: BytesInFlight
    keys: KeyRing
    freshness: FreshnessLedger
    reader: Reading
    upkeep: Upkeep

    @asynccontextmanager
    async def reading(self, caller: Caller) -> AsyncIterator[Connection]:
        """A connection in a read-only transaction, as the caller's role.

        Raises Problem if Postgres refuses, takes too long, or can't be reached.
        """
        async with self.reader.as_caller(caller) as connection:
            await self.upkeep.first_round()
            yield connection


def lifespan_of(
    settings: Settings, *, tenant: str, limits: Limits, query_limits: QueryLimits
) -> Lifespan:
    """Opens the services when the process starts and closes them when it ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        with open_acceptance(settings, limits) as acceptance:
            keys, freshness = KeyRing(key_file(settings.home)), FreshnessLedger()
            if keys.is_empty:
                logger.warning(
                    "no key is known yet, and without one nobody is let in; "
                    "to make one: warehouse keys create"
                )
            async with Reading(settings, query_limits) as reader:
                upkeep = Upkeep(reader, keys, freshness)
                async with upkeep.running():
                    services = Services(
                        settings,
                        tenant,
                        limits,
                        acceptance,
                        BytesInFlight(limits.max_bytes_in_flight),
                        keys,
                        freshness,
                        reader,
                        upkeep,
                    )
                    yield {"services": services}

    return lifespan


def services_of(request: Request) -> Services:
    """The services of the process that handles the request."""
    services: Services = request.state.services
    return services


# Async, as FastAPI would run it in a thread otherwise, which costs more than it does.
async def _services(request: Request) -> Services:
    return services_of(request)


AppServices = Annotated[Services, Depends(_services)]
