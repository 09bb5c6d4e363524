"""Asks the warehouse as a request's tenant. The one place that says how."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import psycopg
from psycopg import AsyncConnection, IsolationLevel

from event_warehouse.api.problems import Problem
from event_warehouse.api.services import Services

STATEMENT_SECONDS = 30
OPTIONS = f"-c statement_timeout={STATEMENT_SECONDS}s"


@asynccontextmanager
async def asking(services: Services) -> AsyncIterator[AsyncConnection]:
    """A connection that only reads, all of one moment.

    Raises Problem for what can't be asked, or not in time.
    """
    try:
        connection = await AsyncConnection.connect(
            services.settings.dsn,
            application_name="event_warehouse_api",
            options=OPTIONS,
        )
        async with connection:
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            yield connection
    except psycopg.errors.QueryCanceled as error:
        detail = f"The answer takes more than {STATEMENT_SECONDS} s; ask for less."
        raise Problem(HTTPStatus.GATEWAY_TIMEOUT, detail) from error
    except psycopg.errors.UndefinedTable as error:
        detail = "Nothing is transformed yet."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail) from error
    except psycopg.OperationalError as error:
        detail = "Postgres can't be asked now."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail) from error


def about(services: Services, tenant: str, *, started: float) -> dict[str, object]:
    """What every answer says of itself; `started` is of time.perf_counter."""
    return {"elapsed_ms": round((time.perf_counter() - started) * 1000, 3)}
