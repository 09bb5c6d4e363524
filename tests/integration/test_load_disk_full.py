"""The disk under Postgres is full: a load fails as a whole, and goes on once it is not.

Reads go on as long as there is room for the write-ahead log. Where that is on the full
disk too, Postgres stops by itself, and starts again when there is room.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from event_warehouse.errors import DatabaseError
from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.migrate import migrate
from event_warehouse.processes import embedded
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings, read_settings
from event_warehouse.transform.run import transform
from tests.conftest import NO_JSON, NO_LOG_FILE
from tests.fixture_types import Land, Query
from tests.waiting import wait_until

MIB = 1024 * 1024
HEADER = "customer_id,event_type,transaction_id,timestamp\n"
SMALL = HEADER + "1,visit,a,2025-01-01T10:00:00Z\n2,visit,b,2025-01-01T11:00:00Z\nbad\n"
LATE = HEADER + "4,visit,c,2025-01-01T12:00:00Z\n"
LARGE_ROWS = 20_000
MORE_ROWS = 120_000
"""More than the log has room for in the file that it has begun."""
BAD_LINES = 6
BAD_LINE = "x" * 900_000
"""So many of these are more than waits in memory: what comes before them is written,
and they are, before the rows that the disk has no room for."""
PLACES = """
    select regexp_replace(loads.uri, '.*/', ''), count(*), min(line_number),
        max(line_number), count(distinct event_id)
    from raw.events_raw inner join raw.loads using (load_id) group by 1 order by 1
"""
COUNTS = """
    select (select count(*) from raw.events_raw),
        (select count(*) from raw.rejected_lines),
        (select count(*) from raw.loads)
"""
ONLY_SMALL = [(2, 1, 1)]
FIRST_LINE = BAD_LINES + 2
OF_SMALL = ("a.csv", 2, 2, 3, 2)
OF_LATE = ("c.csv", 1, 2, 2, 1)
REST = {"loaded": 2, "already_loaded": 1, "rejected_lines": BAD_LINES}


@dataclass(frozen=True)
class Disk:
    """A file system of its own with Postgres's data folder."""

    settings: Settings
    folder: Path

    def fill(self, *, free_bytes: int) -> None:
        """Leave room for no more than this."""
        free = shutil.disk_usage(self.folder).free
        self._ballast.write_bytes(bytes(free - free_bytes))

    def free(self) -> None:
        """Take away what filled it."""
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


MakeDisk = Callable[..., Disk]


@pytest.fixture
def make_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeDisk]:
    """Moves a new warehouse's data to a disk of so many MiB."""
    monkeypatch.setenv(*NO_LOG_FILE)
    monkeypatch.setenv(*NO_JSON)
    # Not below pytest's own folder: a socket's path has to be short.
    folder = Path(tempfile.mkdtemp(prefix="events-", dir="/tmp"))
    settings = read_settings({"WAREHOUSE_HOME": str(folder / "home")})
    disk = Disk(settings, folder / "disk")
    disk.folder.mkdir()

    def make(mebibytes: int, *, has_log: bool) -> Disk:
        mount(disk.folder, mebibytes)
        embedded.ensure_running(settings)
        embedded.stop(settings)
        move(settings.home / "postgres", disk.folder / "postgres")
        if not has_log:
            move(disk.folder / "postgres" / "pg_wal", settings.home / "pg_wal")
        embedded.ensure_running(settings)
        migrate(settings.dsn)
        return disk

    yield make
    embedded.stop(settings)
    if disk.folder.is_mount():
        subprocess.run(["umount", str(disk.folder)], check=True)
    shutil.rmtree(folder)


def mount(folder: Path, mebibytes: int) -> None:
    size = f"size={mebibytes}m"
    command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    if (
        os.geteuid()
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        pytest.skip("no disk can be mounted here")


def move(source: Path, target: Path) -> None:
    """To another file system, with owner and modes; a link is left in its place."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    shutil.rmtree(source)
    source.symlink_to(target)


def large_file(row_count: int) -> str:
    lines = (f"3,visit,{n:032},2025-01-01T10:00:00Z\n" for n in range(row_count))
    return HEADER + f"{BAD_LINE}\n" * BAD_LINES + "".join(lines)


def refusal(settings: Settings) -> str:
    """What the loader says when Postgres fails."""
    with pytest.raises(DatabaseError) as error:
        load_new_files(settings)
    return str(error.value)


def assert_complete(settings: Settings, query: Query, row_count: int) -> None:
    """Each file is there once, in raw and in the events."""
    last_line = FIRST_LINE + row_count - 1
    of_large = ("b.csv", row_count, FIRST_LINE, last_line, row_count)
    assert query(settings, PLACES) == [OF_SMALL, of_large, OF_LATE]
    transform(settings)
    accounting = verify(settings)
    assert accounting.problems == ()
    assert [load.is_pending for load in accounting.loads] == [False] * 3
    counts = "select count(*), count(distinct event_id) from analytics.events"
    assert query(settings, counts) == [(row_count + 3,) * 2]


def test_load_that_fills_the_disk_fails_whole_while_reads_go_on(
    make_disk: MakeDisk, land: Land, query: Query
) -> None:
    disk = make_disk(64, has_log=False)
    settings = disk.settings
    land(settings, "customer_events/a.csv", SMALL)
    load_new_files(settings)
    land(settings, "customer_events/b.csv", large_file(LARGE_ROWS))
    land(settings, "customer_events/c.csv", LATE)
    disk.fill(free_bytes=MIB)

    with psycopg.connect(settings.dsn, autocommit=True) as reader:
        for _ in range(2):
            assert re.fullmatch(
                r'Postgres: could not extend file "[^"\n]+"( with FileFallocate\(\))?: '
                r"No space left on device \(SQLSTATE 53100\)",
                refusal(settings),
            )
            # The reader's session is the same all the time: the server went on.
            assert reader.execute(PLACES).fetchall() == [OF_SMALL]
            assert query(settings, COUNTS) == ONLY_SMALL

    disk.free()
    assert load_new_files(settings) == LoadSummary(rows=LARGE_ROWS + 1, **REST)
    assert_complete(settings, query, LARGE_ROWS)


def test_load_that_leaves_no_room_for_the_log_is_made_good_once_there_is(
    make_disk: MakeDisk, land: Land, query: Query
) -> None:
    disk = make_disk(256, has_log=True)
    settings = disk.settings
    land(settings, "customer_events/a.csv", SMALL)
    load_new_files(settings)
    land(settings, "customer_events/b.csv", large_file(MORE_ROWS))
    land(settings, "customer_events/c.csv", LATE)
    # Less than the next file of the log takes, which is 16 MiB.
    disk.fill(free_bytes=15 * MIB)

    refusal(settings)
    wait_until(lambda: not embedded.is_running(settings))
    disk.free()
    assert embedded.ensure_running(settings)

    assert query(settings, PLACES) == [OF_SMALL]
    assert query(settings, COUNTS) == ONLY_SMALL
    assert load_new_files(settings) == LoadSummary(rows=MORE_ROWS + 1, **REST)
    assert_complete(settings, query, MORE_ROWS)
