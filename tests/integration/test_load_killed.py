"""A loader is killed at any moment; the next one leaves no trace of it."""

import os
import random
import subprocess
import sys
import time

import psycopg
import pytest
from psycopg import sql

from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.settings import Settings
from tests.fixture_types import Land, Query
from tests.waiting import wait_for_waiter

KILLS = int(os.environ.get("WAREHOUSE_TEST_KILLS", "15"))
"""The long form of this test is WAREHOUSE_TEST_KILLS=200."""

HEADER = "customer_id,event_type,transaction_id,timestamp,page\n"
FILES = 6
LINES = 2_000
LOADER = """
import sys
from event_warehouse.load.files import load_new_files
from event_warehouse.settings import read_settings
sys.stdout.write("ready")
sys.stdout.flush()
load_new_files(read_settings())
sys.stdout.write("done")
"""
CHECKSUM = """
    select count(*), sum(hashtextextended(concat_ws(
        '|', file, line_number, tenant_id, event_type, event_id, event_time, attributes
    ), 0)::numeric)
    from (
        select regexp_replace(loads.uri, '.*/', '') as file, events_raw.*
        from raw.events_raw inner join raw.loads using (load_id)
    ) as placed
"""
REJECTED = "select count(*), sum(byte_count) from raw.rejected_lines"
ORPHANS = """
    select load_id from raw.events_raw
    where load_id not in (select load_id from raw.loads where status = 'loaded')
    union all
    select load_id from raw.rejected_lines
    where load_id not in (select load_id from raw.loads where status = 'loaded')
"""


def write_files(settings: Settings, land: Land) -> None:
    for file in range(FILES):
        lines = [
            f'{n % 7},visit,{file}-{n},2025-01-01T10:00:00Z,"/page,{n}"\n'
            if n % 3
            else f"{n},bad\n"
            for n in range(LINES)
        ]
        land(settings, f"customer_events/{file}.csv", HEADER + "".join(lines))


def start_loader(settings: Settings) -> subprocess.Popen[str]:
    """A loader that is about to connect."""
    environment = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "WAREHOUSE_HOME": str(settings.home),
        "WAREHOUSE_DSN": settings.dsn,
    }
    loader = subprocess.Popen(
        [sys.executable, "-c", LOADER],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert loader.stdout is not None
    assert loader.stdout.read(5) == "ready"
    return loader


def kill(loader: subprocess.Popen[str]) -> bool:
    """True if it was killed before it had done its work."""
    loader.kill()
    said, _ = loader.communicate()
    return said != "done"


def empty(settings: Settings) -> None:
    with psycopg.connect(settings.dsn) as connection:
        # Waits for the killed loader's transaction to end.
        connection.execute(
            "truncate raw.loads, raw.events_raw, raw.rejected_lines cascade"
        )


def undisturbed_seconds(settings: Settings) -> float:
    loader = start_loader(settings)
    started = time.monotonic()
    with loader:
        assert loader.wait(60) == 0
    return time.monotonic() - started


def test_loader_killed_at_random_moments_loses_nothing_and_doubles_nothing(
    warehouse: Settings, land: Land, query: Query
) -> None:
    write_files(warehouse, land)
    seconds = undisturbed_seconds(warehouse)
    expected = query(warehouse, CHECKSUM), query(warehouse, REJECTED)
    moments = random.Random(11)
    killed = 0

    while killed < KILLS:
        empty(warehouse)
        loader = start_loader(warehouse)
        time.sleep(moments.uniform(0, seconds))
        if kill(loader):
            killed += 1
        else:
            # It was measured in a slower moment than this one.
            seconds *= 0.9
        load_until_nothing_is_left(warehouse)

        assert (query(warehouse, CHECKSUM), query(warehouse, REJECTED)) == expected
        assert query(warehouse, ORPHANS) == []
        assert query(warehouse, "select count(*) from raw.loads") == [(FILES,)]


def load_until_nothing_is_left(settings: Settings, files: int = FILES) -> None:
    """Load again; the server may need a moment to notice that its client is gone."""
    for _ in range(200):
        load_new_files(settings)
        if load_new_files(settings) == LoadSummary(already_loaded=files):
            return
        time.sleep(0.02)
    pytest.fail("the killed loader's claim was never given up")


def test_loader_killed_again_and_again_over_the_same_files_gets_there(
    warehouse: Settings, land: Land, query: Query
) -> None:
    write_files(warehouse, land)
    seconds = undisturbed_seconds(warehouse)
    expected = query(warehouse, CHECKSUM), query(warehouse, REJECTED)
    empty(warehouse)
    moments = random.Random(12)

    for _ in range(5):
        loader = start_loader(warehouse)
        time.sleep(moments.uniform(0, seconds / 2))
        kill(loader)
    load_until_nothing_is_left(warehouse)

    assert (query(warehouse, CHECKSUM), query(warehouse, REJECTED)) == expected
    assert query(warehouse, ORPHANS) == []


@pytest.mark.parametrize("table", ["raw.events_raw", "raw.rejected_lines", "raw.loads"])
def test_loader_killed_as_it_comes_to_a_table_leaves_nothing_of_its_file(
    warehouse: Settings, land: Land, query: Query, table: str
) -> None:
    land(
        warehouse,
        "customer_events/a.csv",
        HEADER + "1,visit,a,now,/\n1,visit\n2,visit,b,now,/\n",
    )
    with psycopg.connect(warehouse.dsn) as holder:
        holder.execute("select raw.ensure_partition()")
        holder.commit()
        # The loader comes as far as this table and waits for it.
        lock = sql.SQL("lock table {} in exclusive mode")
        holder.execute(lock.format(sql.Identifier(*table.split("."))))
        loader = start_loader(warehouse)
        wait_for_waiter(warehouse, table)
        assert kill(loader)

    load_until_nothing_is_left(warehouse, files=1)

    assert query(warehouse, "select line_number from raw.events_raw order by 1") == [
        (2,),
        (4,),
    ]
    assert query(warehouse, "select line_number from raw.rejected_lines") == [(3,)]
    assert query(warehouse, ORPHANS) == []
