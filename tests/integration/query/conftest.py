"""One warehouse for all tests of questions; each has a tenant of its own, or reads."""

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from psycopg import AsyncConnection

from event_warehouse.access.key_store import create_key
from event_warehouse.access.keys import Scope
from event_warehouse.load.files import load_new_files
from event_warehouse.query.body import read_query
from event_warehouse.query.run import Answer, ask
from event_warehouse.settings import PROJECT, Settings
from event_warehouse.transform.run import transform
from tests.api_server import Server, servers
from tests.conftest import BUILT, NO_JSON, NO_LOG_FILE, SETTLED, clone, drop, dsn_of
from tests.integration.query.happenings import FEEDS, Event, lines, some_events

QUESTIONS = "questions"
"""Its database."""

Ask = Callable[..., Answer]
"""Asks a question as a tenant: ask(body, tenant="apex")."""
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
    (home / "dbt").mkdir()
    shutil.copy(built_home / "dbt" / "partial_parse.msgpack", home / "dbt")
    feeds = home / "feeds.yml"
    posted = yaml.safe_load((PROJECT / "feeds.yml").read_text())["api_events"]
    feeds.write_text(FEEDS + yaml.safe_dump({"api_events": posted}))
    yield replace(
        cluster,
        home=home,
        landing=home / "landing",
        feeds=feeds,
        external_dsn=dsn_of(cluster, QUESTIONS),
        external_api_dsn=dsn_of(cluster, QUESTIONS).replace(
            "warehouse@", "warehouse_service@"
        ),
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
    """Of two tenants that no page's examples name, apex and zeta; in two files, so that
    facts have been added to."""
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

    yield lambda body, tenant="apex": runner.run(answer(body, tenant))
    runner.run(connection.close())


class Client:
    """Asks the service as an operator, about one tenant."""

    def __init__(self, server: Server, tenant: str, key: str) -> None:
        self._server = server
        self._headers = {"event-tenant": tenant, "authorization": f"Bearer {key}"}

    def post(self, url: str, **arguments: Any) -> httpx.Response:
        return self._request("POST", url, **arguments)

    def get(self, url: str, **arguments: Any) -> httpx.Response:
        return self._request("GET", url, **arguments)

    def _request(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        headers = {**self._headers, **arguments.pop("headers", {})}
        return self._server.client.request(
            method, self._server.url + url, headers=headers, **arguments
        )


@pytest.fixture(scope="session")
def server(asked: Settings) -> Iterator[Server]:
    environment = {"WAREHOUSE_DSN": asked.dsn, "WAREHOUSE_API_DSN": asked.api_dsn}
    starts = servers(asked.home, environment)
    yield next(starts)()
    starts.close()


@pytest.fixture(scope="session")
def operator(asked: Settings, server: Server) -> str:
    """The key of an operator, who may ask about any tenant."""
    return create_key(asked, tenant=None, scopes=list(Scope))


@pytest.fixture(scope="session")
def client_of(server: Server, operator: str) -> ClientOf:
    """The service's client of a tenant."""
    return lambda tenant: Client(server, tenant, operator)
