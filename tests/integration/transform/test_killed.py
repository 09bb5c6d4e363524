"""A transform, a load or Postgres itself is killed; the next run makes it good."""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from event_warehouse.errors import WarehouseError
from event_warehouse.load.files import load_new_files
from event_warehouse.processes import embedded
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query
from tests.integration.transform.sessions import held, transformer
from tests.integration.transform.tables import assert_tells
from tests.integration.transform.visits import ALL, THIRD, Deliver, visit
from tests.waiting import wait_for_waiter, wait_until

KILLS = max(int(os.environ.get("WAREHOUSE_TEST_KILLS", "15")) // 3, 3)
"""Fewer than of a loader, since a transform takes seconds to start."""


@pytest.mark.parametrize(
    "table",
    [
        "analytics.events",
        pytest.param("ledger.batches", marks=pytest.mark.long),
        pytest.param("analytics.rollup_events_5min", marks=pytest.mark.long),
    ],
)
def test_transform_killed_as_it_comes_to_a_table_is_made_good_by_the_next(
    settings: Settings, deliver: Deliver, table: str
) -> None:
    deliver(ALL[:1])
    transform(settings)
    deliver(ALL[1:])
    with transformer(settings) as process:
        with held(settings, table):
            wait_for_waiter(settings, table)
            process.kill()
        assert process.wait(30) == -signal.SIGKILL

    transform(settings)

    assert_tells(settings, ALL)


@pytest.mark.long
def test_transform_killed_at_random_moments_is_made_good_by_the_next(
    settings: Settings, deliver: Deliver
) -> None:
    files = [(f"{n}.json", visit(event_id=n) * 2) for n in range(KILLS + 1)]
    deliver(files[:1])
    seconds = undisturbed_seconds(settings)
    moments = random.Random(13)
    killed = 0

    for file in files[1:]:
        deliver([file])
        with transformer(settings) as process:
            wait_until(lambda: dbt_is_connected(settings))
            time.sleep(moments.uniform(0, seconds))
            process.kill()
            if process.wait(30) == -signal.SIGKILL:
                killed += 1
            else:
                # It was measured in a slower moment than this one.
                seconds *= 0.8
    transform(settings)

    assert killed >= KILLS / 2
    assert_tells(settings, files)


def undisturbed_seconds(settings: Settings) -> float:
    """From dbt's first connection to the end of a transform."""
    with transformer(settings) as process:
        wait_until(lambda: dbt_is_connected(settings))
        started = time.monotonic()
        assert process.wait(60) == 0
        return time.monotonic() - started


def dbt_is_connected(settings: Settings) -> bool:
    sessions = "select from pg_stat_activity where application_name = 'dbt'"
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        return connection.execute(sessions).rowcount > 0


def crash(cluster: Settings) -> None:
    """Kill Postgres, all of it at once, and start it again."""
    server, *_ = (cluster.home / "postgres" / "postmaster.pid").read_text().split()
    os.kill(int(server), signal.SIGKILL)
    wait_until(lambda: not embedded.is_running(cluster))
    wait_until(lambda: is_started_again(cluster))


def is_started_again(cluster: Settings) -> bool:
    try:
        return embedded.ensure_running(cluster)
    except WarehouseError:
        # Some process of the old server has not yet seen that it is gone.
        return False


def test_crash_of_postgres_between_the_batch_and_events_loses_nothing(
    cluster: Settings, settings: Settings, deliver: Deliver, query: Query
) -> None:
    deliver(ALL[:1])
    transform(settings)
    deliver(ALL[1:])
    held_rows = "select count(*) > 0 from analytics.int_event_batch"
    held_applies = "select model from ledger.batches where not isempty(applies)"
    with transformer(settings) as process:
        with held(settings, "analytics.events"):
            wait_for_waiter(settings, "analytics.events")
            assert query(settings, held_rows) == [(True,)]
            assert ("int_event_batch",) in query(settings, held_applies)
            crash(cluster)
        assert process.wait(60) != 0
    assert query(settings, held_rows) == [(False,)]
    assert query(settings, held_applies) == []

    transform(settings)

    assert_tells(settings, ALL)


@pytest.mark.long
def test_crash_of_postgres_during_a_load_leaves_the_loads_before_it(
    cluster: Settings, settings: Settings, deliver: Deliver, land: Land
) -> None:
    deliver(ALL[:2])
    late = land(settings, "slow/c.json", THIRD + "not json\n")
    with ThreadPoolExecutor(1) as pool:
        with held(settings, "raw.rejected_lines"):
            loading = pool.submit(
                load_new_files, settings, source=str(late), feed="visits"
            )
            wait_for_waiter(settings, "raw.rejected_lines")
            crash(cluster)
        assert loading.exception(30) is not None

    transform(settings)
    assert_tells(settings, ALL[:2])
    load_new_files(settings, source=str(late), feed="visits")
    transform(settings)

    assert_tells(settings, [*ALL[:2], ("c.json", THIRD + "not json\n")])
