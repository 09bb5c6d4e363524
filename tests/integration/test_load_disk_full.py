"""The disk under Postgres is full: a load fails as a whole, and goes on once it is not.

Before that there is room for the log of what is written, or none for it either.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from event_warehouse import embedded
from event_warehouse.accounting import verify
from event_warehouse.errors import WarehouseError
from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.migrate import migrate
from event_warehouse.settings import Settings, read_settings
from event_warehouse.transform import transform
from tests.fixture_types import Land, Query
from tests.waiting import wait_until

DISK = "64m"
MIB = 1024 * 1024
HEADER = "customer_id,event_type,transaction_id,timestamp\n"
SMALL = HEADER + "1,visit,a,2025-01-01T10:00:00Z\n2,visit,b,2025-01-01T11:00:00Z\nbad\n"
LARGE_LINES = 100_000


def large_file() -> str:
    lines = (f"3,visit,{n:032},2025-01-01T10:00:00Z\n" for n in range(LARGE_LINES))
    return HEADER + "".join(lines)

@pytest.fixture
def settings() -> Iterator[Settings]:
    folder = Path(tempfile.mkdtemp(prefix="events-", dir="/tmp"))
    home = folder / "home"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(home)], check=True)
    settings = read_settings({"WAREHOUSE_HOME": str(home), "WAREHOUSE_LANDING": str(folder / "landing")})
    embedded.ensure_running(settings)
    migrate(settings.dsn)
    yield settings
    embedded.stop(settings)
    subprocess.run(["umount", str(home)], check=True)
    shutil.rmtree(folder)

import os
@pytest.mark.parametrize("has_room_for_log", [True, False])
def test_x(settings: Settings, land: Land, query: Query, has_room_for_log: bool) -> None:
    land(settings, "customer_events/a.csv", SMALL)
    print(load_new_files(settings))
    if has_room_for_log:
        with psycopg.connect(settings.embedded_dsn("warehouse").replace("warehouse@","postgres@"), autocommit=True) as c:
            c.execute("select pg_switch_wal()"); c.execute("checkpoint")
    free = shutil.disk_usage(settings.home).free
    print("free", free // MIB)
    ballast = settings.home / "ballast"
    ballast.write_bytes(bytes(max(0, free - (3 if has_room_for_log else 13) * MIB)))
    land(settings, "customer_events/b.csv", large_file())
    try:
        print(load_new_files(settings))
    except Exception as e:
        print(type(e), repr(str(e)))
    print("free", shutil.disk_usage(settings.home).free // MIB)
    for _ in range(3):
        import time; time.sleep(0.3)
        print(embedded.is_running(settings))
        try: print(query(settings, "select count(*) from raw.events_raw"))
        except Exception as e: print(repr(e))
    print((settings.home / "run" / "postgres.log").read_text()[-3000:])
    ballast.unlink()
    print("ensure", embedded.ensure_running(settings))
    try:
        print(load_new_files(settings))
    except Exception as e:
        print(type(e), repr(str(e)))
    print("free", shutil.disk_usage(settings.home).free // MIB)
    assert 0
