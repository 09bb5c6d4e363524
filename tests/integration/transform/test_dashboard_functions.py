"""The dashboards' functions answer as of a time, from whole buckets."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from event_warehouse.database import Role, connect
from event_warehouse.settings import Settings
from tests.filled_warehouse import filled_warehouse
from tests.integration.transform.visits import FEEDS, visit

AS_OF = "2025-06-03T10:12:00Z"

Ask = Callable[[str], list[tuple[object, ...]]]


VISITS = "".join(
    visit(event_id=str(number), at=at, device_id=device, session_id=session)
    for number, (at, device, session) in enumerate(
        [
            ("2025-06-03T10:12:00Z", "tv", "s9"),
            ("2025-06-03T10:11:59Z", "phone", "s1"),
            ("2025-06-03T10:08:00Z", "phone", "s1"),
            ("2025-06-03T10:05:00Z", "laptop", "s2"),
            ("2025-06-03T10:04:59Z", "watch", "s3"),
            ("2025-06-03T09:42:00Z", "watch", "s3"),
            ("2025-06-03T09:41:59Z", "clock", "s4"),
            ("2025-06-01T00:00:00Z", "phone", "s5"),
            ("2025-05-31T23:59:59Z", "phone", "s6"),
            ("2025-05-26T00:00:00Z", "phone", "s7"),
        ]
    )
)


@pytest.fixture(scope="module")
def visited(
    cluster: Settings, built_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    with filled_warehouse(
        cluster,
        built_home,
        tmp_path_factory.mktemp("visited"),
        database="visited",
        file="visits/visits.json",
        text=VISITS,
        feeds=FEEDS,
    ) as settings:
        yield settings


@pytest.fixture
def ask(visited: Settings) -> Ask:
    """Asks as a BI tool, which reads marts and nothing else."""

    def call(function: str) -> list[tuple[object, ...]]:
        with connect(visited.dsn, Role.READER) as connection:
            return connection.execute(f"select * from marts.{function}").fetchall()

    return call


def test_last_minutes_begin_with_a_whole_bucket_and_end_before_the_time(
    ask: Ask,
) -> None:
    asked = ask(f"activity_of_last_minutes('acme', as_of => '{AS_OF}')")
    # From 10:05, and with 10:10's bucket as it is, which has the event at 10:12.
    assert asked == [(4, 4, 3, 0.0)]


def test_sessions_of_a_week_are_those_of_whole_days_and_of_the_day_so_far(
    ask: Ask,
) -> None:
    assert ask(f"sessions_of_last_days('acme', as_of => '{AS_OF}')") == [(9, 9, 7, 0.0)]
    assert ask(f"sessions_of_last_days('acme', 8, '{AS_OF}')") == [(10, 10, 8, 0.0)]


def test_trend_has_every_hour_from_the_first_day_on_and_0_where_nothing_was(
    ask: Ask,
) -> None:
    hours = ask(f"hourly_trend('acme', as_of => '{AS_OF}')")

    assert len(hours) == 24 + 24 + 11
    assert [row for row in hours if row[1]] == [
        (datetime(2025, 6, 1, tzinfo=UTC), 1, 1, 1, 1),
        (datetime(2025, 6, 3, 9, tzinfo=UTC), 2, 2, 2, 2),
        (datetime(2025, 6, 3, 10, tzinfo=UTC), 5, 5, 4, 4),
    ]


def test_top_devices_are_counted_to_the_microsecond(ask: Ask) -> None:
    assert ask(f"top_devices('acme', as_of => '{AS_OF}')") == [
        ("phone", 2),
        ("watch", 2),
        ("laptop", 1),
    ]
    assert ask(f"top_devices('acme', 30, 1, '{AS_OF}')") == [("phone", 2)]


@pytest.mark.parametrize(
    "function", ["activity_of_last_minutes", "sessions_of_last_days"]
)
def test_tenant_that_is_unknown_has_nothing(ask: Ask, function: str) -> None:
    assert ask(f"{function}('nobody')") == [(0, 0, 0, 0.0)]
    assert ask("top_devices('nobody')") == []


def test_functions_say_so_if_nothing_was_ever_transformed(warehouse: Settings) -> None:
    with (
        psycopg.connect(warehouse.dsn) as connection,
        pytest.raises(psycopg.errors.UndefinedTable),
    ):
        connection.execute("select * from marts.top_devices('acme')")
