"""Queries Postgres as the caller's role, within limits."""

import asyncio
import logging
import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Self

import psycopg
from psycopg import errors, sql
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from event_warehouse.access.caller import Caller
from event_warehouse.api.problems import Problem
from event_warehouse.api.turns import QueryLimits, Turns
from event_warehouse.settings import Settings

SERVICE_ROLE = "warehouse_service"
# One round trip, for this transaction only. Literals instead of parameters, which would
# need a round trip for each statement; a pipeline of these takes twice as long.
ACT_AS = """
begin isolation level repeatable read read only;
set local role {role};
set local statement_timeout to {milliseconds}
"""
AGAIN = {"retry-after": "1"}
RECONNECT_SECONDS = 1.0
"""How long the pool retries by itself. Its pauses double, up to minutes in which nobody
would be answered though Postgres is back; instead, a request makes it try at once."""

logger = logging.getLogger(__name__)

Connection = psycopg.AsyncConnection
Pool = AsyncConnectionPool[Connection]


class Reading:
    """The process's connections, opened as needed."""

    def __init__(self, settings: Settings, limits: QueryLimits) -> None:
        self.limits = limits
        self._turns = Turns(limits)
        self._pool = _pool(settings, limits, limits.connections)
        # Apart, so that it can cancel overlong queries when the pool is exhausted.
        self._own = _pool(settings, limits, 1)

    async def __aenter__(self) -> Self:
        """Returns at once; Postgres may start later."""
        await self._pool.open()
        await self._own.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()
        await self._own.close()

    @asynccontextmanager
    async def as_caller(self, caller: Caller) -> AsyncIterator[Connection]:
        """A connection in a read-only transaction, as the caller's role.

        Raises Problem if Postgres refuses, takes too long, or can't be reached.
        """
        limit = self.limits.answer_seconds
        async with self._turns.turn(caller.tenant):
            try:
                async with self._pool.connection() as connection:
                    await connection.execute(_act_as(caller.role, limit))
                    try:
                        # If the cancel is lost, Postgres still limits each statement.
                        async with asyncio.timeout(limit):
                            yield connection
                    finally:
                        # It has only read: there is nothing to commit.
                        await connection.rollback()
            except TimeoutError as error:
                raise _took_too_long(limit) from error
            except psycopg.Error as error:
                raise _problem_of(error, limit) from error

    @asynccontextmanager
    async def as_service(self) -> AsyncIterator[Connection]:
        """A connection as the service itself, for its background work."""
        async with self._own.connection() as connection:
            yield connection


def _pool(settings: Settings, limits: QueryLimits, connections: int) -> Pool:
    return AsyncConnectionPool(
        settings.api_dsn,
        min_size=0,
        max_size=connections,
        timeout=limits.wait_seconds,
        reconnect_timeout=RECONNECT_SECONDS,
        open=False,
        configure=_prepare,
        check=_notice_end,
        kwargs={"autocommit": True, "application_name": "event_warehouse_api"},
    )


def _act_as(role: str, seconds: float) -> sql.Composed:
    return sql.SQL(ACT_AS).format(
        role=sql.Identifier(role), milliseconds=sql.Literal(round(seconds * 1000))
    )


async def _prepare(connection: Connection) -> None:
    """Gives the connection the service's rights and no more, whoever signed in."""
    role = sql.Identifier(SERVICE_ROLE)
    await connection.execute(sql.SQL("set role {}").format(role))
    await connection.execute("set timezone to 'UTC'")


async def _notice_end(connection: Connection) -> None:
    """Raises OperationalError if Postgres has ended the connection, as a restart does.

    The pool then tries another, and no request fails. Only a connection with something
    to read is checked, as checking each would cost a round trip per request.
    """
    heard = select.poll()
    heard.register(connection.fileno(), select.POLLIN)
    if heard.poll(0):
        await Pool.check_connection(connection)


def _problem_of(error: psycopg.Error, limit: float) -> Problem:
    match error:
        case errors.QueryCanceled():
            return _took_too_long(limit)
        case errors.UndefinedTable() | errors.InvalidSchemaName():
            return away("Nothing is transformed yet.")
        case errors.InsufficientPrivilege():
            # A new model gets its grants only at the end of the transform.
            logger.warning("what is asked for may not be read: %s", _told(error))
            return away("What is asked for is not transformed yet.")
        case PoolTimeout():
            return away("No connection to Postgres came in time.")
        case psycopg.OperationalError():
            logger.error("Postgres can't be asked: %s", _told(error))
            return away("Postgres can't be asked now.")
        case psycopg.DataError():
            return Problem(
                HTTPStatus.BAD_REQUEST, f"Postgres can't take a value: {_told(error)}."
            )
    logger.error("a query failed: %s", _told(error))
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its log says why."
    )


def _took_too_long(limit: float) -> Problem:
    return Problem(
        HTTPStatus.GATEWAY_TIMEOUT,
        f"The query took more than {limit:g} seconds; ask for less at once.",
    )


def away(detail: str) -> Problem:
    """A problem that may be over if the caller asks again in a moment."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=AGAIN)


def _told(error: psycopg.Error) -> str:
    """The message without context and detail, which may hold what others sent."""
    return error.diag.message_primary or type(error).__name__
