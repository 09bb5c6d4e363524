"""Files that a process of its own still writes to while loaders run."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Query
from tests.waiting import wait_until

LINES = 60
APPENDER = """
import sys, time
path, lines, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
with open(path, "w", buffering=1) as file:
    file.write("customer_id,event_type,transaction_id,timestamp\\n")
    for number in range(lines):
        file.write(f"1,visit,{number},2025-01-01T10:00:00Z\\n")
        time.sleep(pause)
"""
LOADED = "select row_count from raw.loads where status = 'loaded' order by load_id"


@contextmanager
def appender(path: Path, *, pause: float) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes a line at a time; it does not outlive the block."""
    path.parent.mkdir(parents=True)
    arguments = [sys.executable, "-c", APPENDER, str(path), str(LINES), str(pause)]
    with subprocess.Popen(arguments) as process:
        try:
            yield process
        finally:
            process.kill()


def test_file_that_is_appended_to_without_a_rest_is_loaded_when_it_rests(
    warehouse: Settings, query: Query
) -> None:
    settings = replace(warehouse, settle_seconds=4.0)
    with appender(
        settings.landing / "customer_events" / "a.csv", pause=0.05
    ) as process:
        while process.poll() is None:
            load_new_files(settings)
            assert query(settings, LOADED) == []

        wait_until(lambda: load_new_files(settings).loaded > 0)
    assert query(settings, LOADED) == [(LINES,)]


@pytest.mark.long
def test_file_that_is_loaded_while_it_grows_has_each_event_once(
    warehouse: Settings, query: Query
) -> None:
    settings = replace(warehouse, settle_seconds=0.0)
    with appender(
        settings.landing / "customer_events" / "a.csv", pause=0.05
    ) as process:
        while process.poll() is None:
            load_new_files(settings)
            time.sleep(0.3)

        load_new_files(settings)
    assert len(query(settings, LOADED)) > 1
    assert query(settings, LOADED)[-1] == (LINES,)
    transform(settings)

    assert verify(settings).is_balanced
    assert query(
        settings, "select count(*), count(distinct event_id) from analytics.events"
    ) == [(LINES, LINES)]
