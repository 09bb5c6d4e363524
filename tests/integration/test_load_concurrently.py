"""Several loaders at once, each a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.settings import Settings
from tests.fixture_types import Land, Query
from tests.waiting import wait_until

HEADER = "customer_id,event_type,transaction_id,timestamp\n"
LOADER = """
from event_warehouse.load.files import load_new_files
from event_warehouse.settings import read_settings
load_new_files(read_settings())
"""
TWICE = """
    select from raw.events_raw group by event_id having count(*) > 1
"""


@contextmanager
def loader(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A process that loads what has landed; it does not outlive the block."""
    environment = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "WAREHOUSE_HOME": str(settings.home),
        "WAREHOUSE_LANDING": str(settings.landing),
        "WAREHOUSE_DSN": settings.dsn,
    }
    with subprocess.Popen([sys.executable, "-c", LOADER], env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(first: int, count: int) -> str:
    return "".join(
        f"1,visit,{n},2025-01-01T10:00:00Z\n" for n in range(first, first + count)
    )


def is_copying(settings: Settings) -> Callable[[], bool]:
    """True while a loader has sent rows of a file, and not yet all of them."""

    def ask() -> bool:
        with psycopg.connect(settings.dsn) as connection:
            progress = "select from pg_stat_progress_copy where tuples_processed > 0"
            return connection.execute(progress).rowcount > 0

    return ask


def is_kept_waiting(settings: Settings) -> Callable[[], bool]:
    """True while a session waits for the end of another's transaction."""

    def ask() -> bool:
        with psycopg.connect(settings.dsn) as connection:
            waiting = "select from pg_locks where not granted"
            return connection.execute(waiting).rowcount > 0

    return ask


def test_loaders_at_once_load_each_file_once(
    warehouse: Settings, land: Land, query: Query
) -> None:
    for n in range(40):
        land(warehouse, f"customer_events/{n}.csv", HEADER + lines(n * 500, 500))
        # The same content under a name that sorts far from it.
        land(
            warehouse,
            f"customer_events/{39 - n}-copy.csv",
            HEADER + lines(n * 500, 500),
        )

    with (
        loader(warehouse) as one,
        loader(warehouse) as two,
        loader(warehouse) as three,
        loader(warehouse) as four,
    ):
        assert [each.wait(60) for each in (one, two, three, four)] == [0, 0, 0, 0]

    assert query(warehouse, "select count(*) from raw.events_raw") == [(20_000,)]
    assert query(warehouse, TWICE) == []
    assert query(warehouse, "select status, count(*) from raw.loads group by 1") == [
        ("loaded", 40)
    ]


def test_copy_that_two_loaders_find_at_once_is_noted_once(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", HEADER + lines(0, 10))
    load_new_files(warehouse)
    copy = land(warehouse, "customer_events/b.csv", HEADER + lines(0, 10)).as_uri()

    with psycopg.connect(warehouse.dsn) as other:
        other.execute(
            "insert into raw.copies (feed_id, uri, file_version, load_id)"
            " select feed_id, %s, 'as the other saw it', load_id from raw.loads",
            (copy,),
        )
        with loader(warehouse) as second:
            wait_until(is_kept_waiting(warehouse))
            other.commit()
            assert second.wait(60) == 0

    assert query(warehouse, "select uri from raw.copies") == [(copy,)]
    assert query(warehouse, "select status from raw.loads") == [("loaded",)]


def test_loaders_at_once_make_the_month_s_partition_once(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", HEADER + lines(0, 10))
    land(warehouse, "customer_events/b.csv", HEADER + lines(10, 10))

    with loader(warehouse) as one, loader(warehouse) as two:
        assert [one.wait(60), two.wait(60)] == [0, 0]

    partitions = "select count(*) from pg_inherits where inhparent = 'raw.events_raw'"
    assert query(warehouse, partitions + "::regclass") == [(1,)]
    assert query(warehouse, "select count(*) from raw.events_raw") == [(20,)]


def test_loader_that_was_paused_is_fenced_off_from_what_another_has_loaded(
    warehouse: Settings, land: Land, query: Query
) -> None:
    content = HEADER + lines(0, 400_000)
    land(warehouse, "customer_events/a.csv", content)
    with loader(warehouse) as paused:
        wait_until(is_copying(warehouse))
        os.kill(paused.pid, signal.SIGSTOP)
        copy = land(warehouse, "elsewhere/b.csv", content)
        summary = load_new_files(warehouse, source=str(copy), feed="customer_events")
        os.kill(paused.pid, signal.SIGCONT)
        assert paused.wait(60) == 0

    assert summary == LoadSummary(loaded=1, rows=400_000)
    assert query(warehouse, "select uri, status from raw.loads") == [
        (copy.as_uri(), "loaded")
    ]
    counts = "select count(*), count(distinct load_id) from raw.events_raw"
    assert query(warehouse, counts) == [(400_000, 1)]


def test_file_that_another_loader_is_at_is_left_to_it(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", HEADER + lines(0, 400_000))
    with loader(warehouse) as paused:
        wait_until(is_copying(warehouse))
        os.kill(paused.pid, signal.SIGSTOP)
        land(warehouse, "customer_events/b.csv", HEADER + lines(400_000, 10))

        summary = load_new_files(warehouse)

        os.kill(paused.pid, signal.SIGCONT)
        assert paused.wait(60) == 0
    assert summary == LoadSummary(loaded=1, being_loaded=1, rows=10)
    assert load_new_files(warehouse) == LoadSummary(already_loaded=2)
    assert query(warehouse, "select count(*) from raw.events_raw") == [(400_010,)]


def test_file_overwritten_while_it_is_read_is_loaded_in_its_last_form_too(
    warehouse: Settings, land: Land, query: Query
) -> None:
    path = land(warehouse, "customer_events/a.csv", HEADER + lines(0, 400_000))
    with loader(warehouse) as paused:
        wait_until(is_copying(warehouse))
        os.kill(paused.pid, signal.SIGSTOP)
        new = land(warehouse, "elsewhere/a.csv", HEADER + lines(400_000, 10))
        new.replace(path)
        os.kill(paused.pid, signal.SIGCONT)
        assert paused.wait(60) == 0

    assert load_new_files(warehouse) == LoadSummary(loaded=1, rows=10)
    assert query(warehouse, "select count(*) from raw.events_raw") == [(400_010,)]
    assert query(warehouse, TWICE) == []
