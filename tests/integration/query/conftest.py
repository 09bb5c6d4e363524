"""A warehouse with some days of two tenants' events, and questions to it."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from event_warehouse.load.files import load_new_files
from event_warehouse.query.body import read_query
from event_warehouse.query.run import Answer, ask
from event_warehouse.settings import Settings
from event_warehouse.transform import transform
from tests.fixture_types import Land
from tests.integration.query.happenings import FEEDS, Event, lines, some_events

Ask = Callable[..., Answer]
"""Asks a question as a tenant: ask(body, tenant="acme")."""


@pytest.fixture
def events() -> list[Event]:
    return some_events(seed=1)


@pytest.fixture
def settings(built_warehouse: Settings, land: Land, events: list[Event]) -> Settings:
    """A warehouse of the test's own, in which these events are applied."""
    feeds = built_warehouse.home / "feeds.yml"
    feeds.write_text(FEEDS)
    settings = replace(built_warehouse, feeds=feeds)
    # In two files, so that facts and rollups have been added to.
    for number, part in enumerate((events[::2], events[1::2])):
        land(settings, f"happenings/{number}.json", lines(part))
        load_new_files(settings)
        transform(settings)
    return settings


@pytest.fixture
def ask_query(settings: Settings) -> Iterator[Ask]:
    with asyncio.Runner() as runner:
        connection = runner.run(AsyncConnection.connect(settings.dsn))

        async def answer(body: Any, tenant: str) -> Answer:
            try:
                query = read_query(json.dumps(body).encode())
                return await ask(connection, query, tenant=tenant)
            finally:
                await connection.rollback()

        yield lambda body, tenant="acme": runner.run(answer(body, tenant))
        runner.run(connection.close())


@pytest.fixture
def connection(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings.dsn) as connection:
        yield connection
