"""What takes too long, is too much, or has no Postgres to ask: it is answered in time,
and the others are served.
"""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import psycopg
import pytest

from event_warehouse.access.caller import Caller
from event_warehouse.access.key_store import create_key
from event_warehouse.access.keys import Scope
from event_warehouse.access.tenants import role_name
from event_warehouse.answers.freshness import FreshnessLedger
from event_warehouse.api.problems import Problem
from event_warehouse.api.reading import Reading
from event_warehouse.api.turns import QueryLimits
from event_warehouse.load.files import load_new_files
from event_warehouse.processes import embedded
from event_warehouse.settings import Settings, read_settings
from event_warehouse.setup import ensure_warehouse
from tests.api_server import VISIT, Server, servers, wait_for
from tests.fixture_types import Land
from tests.integration.api.conftest import Api

OPERATOR = Caller("operator", None, "warehouse_operator", frozenset(Scope))
BUCKETS = "/events/customers/acme/buckets?start=2025-06-01&end=2025-07-01"


def reading(
    settings: Settings, limits: QueryLimits, work: Callable[[Reading], Awaitable[None]]
) -> None:
    """Runs the work with connections of its own."""

    async def run() -> None:
        async with Reading(settings, limits) as reader:
            await work(reader)

    asyncio.run(run())


async def problem_of(reader: Reading, caller: Caller, statement: str) -> Problem:
    with pytest.raises(Problem) as raised:
        async with reader.as_caller(caller) as connection:
            await connection.execute(statement)
    return raised.value


async def one(reader: Reading, caller: Caller) -> object:
    async with reader.as_caller(caller) as connection:
        cursor = await connection.execute("select current_user")
        return await cursor.fetchone()


@pytest.mark.parametrize(
    "heavy",
    ["select pg_sleep(60)", "select count(*) from generate_series(1, 10000000000)"],
)
def test_heavy_query_is_ended_in_time_and_others_are_served(
    asked_warehouse: Settings, heavy: str
) -> None:
    limits = QueryLimits(connections=2, running_per_tenant=1, answer_seconds=1.0)

    async def work(reader: Reading) -> None:
        started = time.monotonic()
        long = asyncio.create_task(problem_of(reader, OPERATOR, heavy))
        await asyncio.sleep(0.1)
        other = replace(OPERATOR, tenant="acme")
        assert await one(reader, other) == ("warehouse_operator",)
        assert time.monotonic() - started < 0.9
        assert (await long).status == HTTPStatus.GATEWAY_TIMEOUT
        assert time.monotonic() - started < 5
        # The connection is as good as new.
        assert await one(reader, OPERATOR) == ("warehouse_operator",)

    reading(asked_warehouse, limits, work)


def test_short_queries_are_ended_when_they_take_too_long_together(
    asked_warehouse: Settings,
) -> None:
    limits = QueryLimits(connections=1, answer_seconds=1.0)

    async def ask_again_and_again(reader: Reading) -> None:
        async with reader.as_caller(OPERATOR) as connection:
            for _ in range(20):
                await connection.execute("select pg_sleep(0.3)")

    async def work(reader: Reading) -> None:
        started = time.monotonic()
        with pytest.raises(Problem) as raised:
            await ask_again_and_again(reader)
        assert raised.value.status == HTTPStatus.GATEWAY_TIMEOUT
        assert time.monotonic() - started < 4
        # The one connection that there is, is as good as new.
        assert await one(reader, OPERATOR) == ("warehouse_operator",)

    reading(asked_warehouse, limits, work)


def test_who_asks_too_much_at_once_is_told_to_come_back(
    asked_warehouse: Settings,
) -> None:
    limits = QueryLimits(
        connections=2,
        running_per_tenant=1,
        waiting_per_tenant=1,
        wait_seconds=2.0,
        answer_seconds=4.0,
    )

    async def work(reader: Reading) -> None:
        assert await one(reader, OPERATOR)
        heavy = "select pg_sleep(30)"
        long = asyncio.create_task(problem_of(reader, OPERATOR, heavy))
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(problem_of(reader, OPERATOR, "select 1"))
        await asyncio.sleep(0.05)
        refused = await problem_of(reader, OPERATOR, "select 1")
        for problem in (refused, await waiting):
            assert problem.status == HTTPStatus.TOO_MANY_REQUESTS
            assert problem.headers == {"retry-after": "1"}
        assert await one(reader, replace(OPERATOR, tenant="other"))
        await long

    reading(asked_warehouse, limits, work)


def test_nothing_but_reading_is_possible(asked_warehouse: Settings) -> None:
    async def work(reader: Reading) -> None:
        for statement in (
            "delete from marts.tenant_events_hourly",
            "create temporary table t ()",
        ):
            problem = await problem_of(reader, OPERATOR, statement)
            assert problem.status == HTTPStatus.INTERNAL_SERVER_ERROR

    reading(asked_warehouse, QueryLimits(), work)


def test_what_is_not_there_or_has_no_grants_yet_is_to_be_asked_again(
    asked_warehouse: Settings,
) -> None:
    async def work(reader: Reading) -> None:
        for statement in (
            "select from marts.of_a_later_version",
            "select access.cancel_overlong()",
            "select from raw.events_raw",
        ):
            problem = await problem_of(reader, OPERATOR, statement)
            assert problem.status == HTTPStatus.SERVICE_UNAVAILABLE
            assert problem.headers == {"retry-after": "1"}

    reading(asked_warehouse, QueryLimits(), work)


def test_role_and_limit_end_with_the_transaction(api: Api) -> None:
    api.key("acme")
    acme = Caller("a", "acme", role_name("acme"), frozenset())

    async def work(reader: Reading) -> None:
        for caller in (acme, OPERATOR, acme):
            assert await one(reader, caller) == (caller.role,)
        async with reader.as_caller(acme) as connection:
            cursor = await connection.execute(
                "select distinct tenant_id from marts.tenant_events_hourly"
            )
            assert await cursor.fetchall() == [("acme",)]
        async with reader._pool.connection() as connection:
            cursor = await connection.execute(
                "select current_user, current_setting('statement_timeout')"
            )
            assert await cursor.fetchone() == ("warehouse_service", "0")

    reading(api.settings, QueryLimits(connections=1), work)


def test_value_that_postgres_can_not_take_is_a_bad_request(
    asked_warehouse: Settings,
) -> None:
    async def work(reader: Reading) -> None:
        problem = await problem_of(reader, OPERATOR, "select 'x' ~ '('")
        assert problem.status == HTTPStatus.BAD_REQUEST

    reading(asked_warehouse, QueryLimits(), work)


# Pending -------------------------------------------------------------------------


def test_what_is_loaded_and_not_taken_in_is_pending_of_its_tenant(
    warehouse: Settings, land: Land
) -> None:
    header = "customer_id,event_type,transaction_id,timestamp\n"
    land(
        warehouse,
        "customer_events/a.csv",
        header + "acme,a,1,2025-01-01T10:00:00Z\nacme,a,2,x\nglobex,a,3,x\n",
    )
    load_new_files(warehouse)
    freshness = FreshnessLedger()

    async def refresh() -> None:
        async with (
            Reading(warehouse, QueryLimits()) as reader,
            reader.as_service() as connection,
        ):
            await freshness.refresh(connection)

    asyncio.run(refresh())
    land(warehouse, "customer_events/b.csv", header + "acme,b,1,2025-01-01T10:00:00Z\n")
    load_new_files(warehouse)
    asyncio.run(refresh())

    assert freshness.of("acme").pending_events == 3
    assert freshness.of("globex").pending_events == 1
    assert freshness.of("nobody").pending_events == 0
    assert freshness.of(None).pending_events == 4
    assert freshness.of("acme").newest_load_at is None


# Without Postgres ----------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Settings]:
    """A warehouse whose Postgres may be stopped."""
    with tempfile.TemporaryDirectory(prefix="away-", dir="/tmp") as folder:
        settings = read_settings({"WAREHOUSE_HOME": folder + "/home"})
        try:
            ensure_warehouse(settings)
            yield settings
        finally:
            embedded.stop(settings)
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder, exist_ok=True)


def test_without_postgres_events_are_taken_by_the_keys_that_were_known(
    own: Settings,
) -> None:
    key = create_key(own, tenant="acme", scopes=list(Scope))
    starts = servers(own.home, {})
    # What `servers` knows its own key by is not in this Postgres.
    first = next(starts)()
    create_key(own, tenant="globex", scopes=list(Scope))
    signed_in = {"authorization": f"Bearer {key}"}
    try:
        assert status(first, "/stats", signed_in) == 503
        assert first.client.get(f"{first.url}/health").json()["has_postgres"] is True
        embedded.stop(own)
        wait_for(
            lambda: not first.client.get(f"{first.url}/health").json()["has_postgres"],
            first,
        )
        assert status(first, BUCKETS, signed_in) == 503
        assert first.post({"events": [VISIT]}, **signed_in).status_code == 200

        ensure_warehouse(own)
        wait_for(
            lambda: first.client.get(f"{first.url}/health").json()["has_postgres"],
            first,
        )
        assert first.post({"events": [VISIT]}, **signed_in).status_code == 200
    finally:
        starts.close()


def test_server_that_starts_without_postgres_knows_the_keys(own: Settings) -> None:
    key = create_key(own, tenant="acme", scopes=[Scope.EVENTS_WRITE])
    file = (own.home / "keys.json").read_text()
    embedded.stop(own)
    starts = servers(own.home, {})
    server = next(starts)()
    try:
        (own.home / "keys.json").write_text(file)
        answer = server.post({"events": [VISIT]}, authorization=f"Bearer {key}")
        assert answer.status_code == 200
    finally:
        starts.close()


@pytest.mark.long
def test_postgres_is_found_in_seconds_however_long_it_was_away(own: Settings) -> None:
    create_key(own, tenant="acme", scopes=list(Scope))
    embedded.stop(own)
    starts = servers(own.home, {})
    server = next(starts)()
    try:
        # A pool that doubles its pauses would be in one of 16 seconds by now.
        time.sleep(20)
        ensure_warehouse(own)
        back_at = time.monotonic()
        wait_for(
            lambda: server.client.get(f"{server.url}/health").json()["has_postgres"],
            server,
        )
        assert time.monotonic() - back_at < 6
    finally:
        starts.close()


def status(server: Server, path: str, headers: dict[str, str]) -> int:
    return server.client.get(server.url + path, headers=headers).status_code


def test_events_are_taken_by_nobody_where_no_key_is_known(tmp_path: Path) -> None:
    starts = servers(tmp_path)
    server = next(starts)()
    try:
        (tmp_path / "keys.json").unlink()
        wait_for(lambda: server.post({"events": [VISIT]}).status_code == 401, server)
    finally:
        starts.close()


def test_backends_of_the_service_can_be_told_from_others(api: Api) -> None:
    api.get(BUCKETS)
    with psycopg.connect(api.settings.dsn) as connection:
        rows = connection.execute(
            "select distinct usename from pg_stat_activity"
            " where application_name = 'event_warehouse_api'"
            " and datname = current_database()"
        ).fetchall()

    assert rows == [("warehouse_service",)]
