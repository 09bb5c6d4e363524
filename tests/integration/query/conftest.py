"""One warehouse for all tests of questions; each has a tenant of its own, or reads."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg import AsyncConnection

from event_warehouse.api.app import create_app
from event_warehouse.load.files import load_new_files
from event_warehouse.query.body import read_query
from event_warehouse.query.run import Answer, ask
from event_warehouse.settings import Settings
from event_warehouse.transform import transform
from tests.conftest import BUILT, NO_JSON, NO_LOG_FILE, SETTLED, clone, drop, dsn_of
from tests.integration.query.happenings import FEEDS, Event, lines, some_events

QUESTIONS = "questions"
"""Its database."""

Ask = Callable[..., Answer]
"""Asks a question as a tenant: ask(body, tenant="acme")."""
Happen = Callable[..., None]
"""Loads and applies events, in so many files: happen(events, files=1)."""
ClientOf = Callable[[str], "Client"]
"""The service's client of a tenant."""


@pytest.fixture(scope="session")
def asked(
    cluster: Settings, built_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """The warehouse that the tests share."""
    clone(cluster, BUILT, QUESTIONS)
    home = tmp_path_factory.mktemp("asked")
    feeds = home / "feeds.yml"
    feeds.write_text(FEEDS)
    yield replace(
        cluster,
        home=home,
        landing=home / "landing",
        feeds=feeds,
        external_dsn=dsn_of(cluster, QUESTIONS),
    )
    drop(cluster, QUESTIONS)


@pytest.fixture(scope="session")
def happen(asked: Settings) -> Happen:
    """Nothing is ever taken away: tests have tenants of their own."""
    numbers = iter(range(10_000))

    def load(events: Sequence[Event], files: int = 1) -> None:
        folder = asked.landing / "happenings"
        folder.mkdir(parents=True, exist_ok=True)
        for part in range(files):
            path = folder / f"{next(numbers)}.json"
            path.write_text(lines(events[part::files]))
            os.utime(path, (SETTLED, SETTLED))
            load_new_files(asked)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(*NO_LOG_FILE)
                patch.setenv(*NO_JSON)
                transform(asked)

    return load


@pytest.fixture(scope="session")
def events(happen: Happen) -> list[Event]:
    """Of the tenants acme and zeta; in two files, so that facts have been added to."""
    events = some_events(seed=1)
    happen(events, files=2)
    return events


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def ask_query(asked: Settings, runner: asyncio.Runner) -> Iterator[Ask]:
    connection = runner.run(AsyncConnection.connect(asked.dsn))

    async def answer(body: Any, tenant: str) -> Answer:
        try:
            query = read_query(json.dumps(body).encode())
            return await ask(connection, query, tenant=tenant)
        finally:
            await connection.rollback()

    yield lambda body, tenant="acme": runner.run(answer(body, tenant))
    runner.run(connection.close())


class Client:
    """Asks a service of this process, whose one tenant it is."""

    def __init__(self, settings: Settings, tenant: str, runner: asyncio.Runner) -> None:
        self._app = create_app(settings, tenant=tenant)
        self._lifespan = self._app.router.lifespan_context(self._app)
        self._runner = runner
        self._state: Any = runner.run(self._lifespan.__aenter__())

    def post(self, url: str, **arguments: Any) -> httpx.Response:
        return self._runner.run(self._request("POST", url, **arguments))

    def get(self, url: str, **arguments: Any) -> httpx.Response:
        return self._runner.run(self._request("GET", url, **arguments))

    def close(self) -> None:
        self._runner.run(self._lifespan.__aexit__(None, None, None))

    async def _request(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._answer, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://warehouse"
        ) as client:
            return await client.request(method, url, **arguments)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app({**scope, "state": self._state}, receive, send)


@pytest.fixture(scope="session")
def client_of(asked: Settings, runner: asyncio.Runner) -> Iterator[ClientOf]:
    """Clients of tenants, each made once."""
    clients: dict[str, Client] = {}

    def client(tenant: str) -> Client:
        if tenant not in clients:
            clients[tenant] = Client(asked, tenant, runner)
        return clients[tenant]

    yield client
    for one in clients.values():
        one.close()
