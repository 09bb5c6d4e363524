"""Asks the warehouse as a request's tenant. The one place that says how."""

from contextlib import AbstractAsyncContextManager

from psycopg import AsyncConnection

from event_warehouse.access.caller import Caller
from event_warehouse.api.answers import about_answer
from event_warehouse.api.services import Services

STATEMENT_SECONDS = 30


def asking(
    services: Services, caller: Caller
) -> AbstractAsyncContextManager[AsyncConnection]:
    """A connection that only reads, as the caller's role.

    Raises Problem for what can't be asked, or not in time.
    """
    return services.reading(caller, seconds=STATEMENT_SECONDS)


about = about_answer
