"""What the service does every few seconds: learn of keys and loads, and cancel queries
that take too long.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg

from event_warehouse.access.key_store import STATEMENTS as KEYS
from event_warehouse.access.key_store import known_keys
from event_warehouse.access.watchdog import CANCEL_OVERLONG, report_cancelled
from event_warehouse.answers.freshness import FreshnessLedger
from event_warehouse.api.key_ring import KeyRing
from event_warehouse.api.reading import Connection, Reading, away

SECONDS = 2.0
NOTE_SECONDS = 60.0
"""How precisely the time of a key's last use is known."""

logger = logging.getLogger(__name__)


class Upkeep:
    """Keeps going whatever fails, and logs once that Postgres is down."""

    def __init__(
        self, reading: Reading, keys: KeyRing, freshness: FreshnessLedger
    ) -> None:
        self._reading = reading
        self._keys = keys
        self._freshness = freshness
        self._noted_at = time.monotonic()
        self.has_postgres = False
        """Whether the last round reached it."""
        self._has_asked = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs rounds in the background until the block ends."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def first_round(self) -> None:
        """Returns once it is known how fresh answers are.

        Raises Problem if that takes too long.
        """
        try:
            async with asyncio.timeout(self._reading.limits.wait_seconds):
                await self._has_asked.wait()
        except TimeoutError as error:
            raise away("How fresh the answer is can't be said now.") from error

    async def _run(self) -> None:
        while True:
            await self._try_round()
            await asyncio.sleep(SECONDS)

    async def _try_round(self) -> None:
        try:
            async with self._reading.as_service() as connection:
                await self._round(connection)
        except psycopg.Error as error:
            self._keys.reload()
            if self.has_postgres:
                logger.error("Postgres can't be asked: %s", type(error).__name__)
            self.has_postgres = False
            return
        if not self.has_postgres:
            logger.info("Postgres answers")
        self.has_postgres = True
        self._has_asked.set()

    async def _round(self, connection: Connection) -> None:
        cursor = await connection.execute(KEYS["known"])
        self._keys.replace(known_keys(await cursor.fetchall()))
        await self._freshness.refresh(connection)
        cursor = await connection.execute(CANCEL_OVERLONG)
        report_cancelled(await cursor.fetchall())
        if time.monotonic() - self._noted_at >= NOTE_SECONDS:
            self._noted_at = time.monotonic()
            used = {"key_ids": self._keys.take_used()}
            await connection.execute(KEYS["note_use"], used)
