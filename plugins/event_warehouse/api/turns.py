"""Limits concurrent queries, so that no tenant keeps the others from Postgres."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from event_warehouse.api.problems import Problem


@dataclass(frozen=True)
class QueryLimits:
    """Limits on the queries of one process."""

    connections: int = 8
    """To Postgres; with more than it has cores, queries only wait there, not here."""
    running_per_tenant: int = 6
    """Of these, so that one tenant's long queries leave some for the others."""
    waiting_per_tenant: int = 64
    wait_seconds: float = 5.0
    """For a turn; then the caller is told to ask again."""
    answer_seconds: float = 10.0
    """For all statements of an answer together; then the running one is cancelled."""


@dataclass
class _Lane:
    running: asyncio.Semaphore
    count: int = field(default=0)


class Turns:
    """Admits a limited number of queries per tenant; others wait, but not for long."""

    def __init__(self, limits: QueryLimits) -> None:
        self._limits = limits
        self._lanes: dict[Hashable, _Lane] = {}

    @asynccontextmanager
    async def turn(self, whose: Hashable) -> AsyncIterator[None]:
        """Waits for a turn; raises Problem (429) if too many wait or none comes."""
        limits = self._limits
        lane = self._lanes.get(whose)
        if lane is None:
            lane = _Lane(asyncio.Semaphore(limits.running_per_tenant))
            self._lanes[whose] = lane
        if lane.count >= limits.running_per_tenant + limits.waiting_per_tenant:
            raise _too_many()
        lane.count += 1
        try:
            await self._enter(lane)
            try:
                yield
            finally:
                lane.running.release()
        finally:
            lane.count -= 1
            if lane.count == 0:
                del self._lanes[whose]

    async def _enter(self, lane: _Lane) -> None:
        if not lane.running.locked():
            await lane.running.acquire()
            return
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                await lane.running.acquire()
        except TimeoutError as error:
            raise _too_many() from error


def _too_many() -> Problem:
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many of your queries are under way; ask again in a moment.",
        headers={"retry-after": "1"},
    )
