"""What the service keeps open to Postgres, and Postgres ends: by a restart, say."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg import sql

from event_warehouse.settings import Settings
from tests.conftest import administer
from tests.integration.query.conftest import Client, ClientOf

OF_THE_SERVICE = """
    select count(*)
    from pg_stat_activity
    where
        datname = current_database()
        and application_name = 'event_warehouse_api'
"""
JANUARY = {"start": "2025-01-01", "end": "2025-02-01"}


def statuses(client: Client, requests: int) -> list[int]:
    """Of as many questions at once."""
    with ThreadPoolExecutor(requests) as threads:
        answers = threads.map(
            lambda _: client.get("/events", params=JANUARY), range(requests)
        )
        return [answer.status_code for answer in answers]


def connections(settings: Settings) -> int:
    with psycopg.connect(settings.dsn) as connection:
        row = connection.execute(sql.SQL(OF_THE_SERVICE)).fetchone()
    assert row
    return int(row[0])


def test_connections_that_postgres_has_ended_cost_no_answer(
    cluster: Settings, asked: Settings, client_of: ClientOf
) -> None:
    client = client_of("nobody")
    assert statuses(client, 4) == [200] * 4
    # One for questions at least, and the service's own.
    assert connections(asked) >= 2

    administer(
        cluster,
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
        " where application_name = 'event_warehouse_api'",
    )

    assert statuses(client, 4) == [200] * 4
