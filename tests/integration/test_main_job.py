"""The main job as `make run` calls it, with the real Airflow."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from event_warehouse import embedded
from event_warehouse.settings import PROJECT, Settings, read_settings

WAREHOUSE = Path(sys.executable).with_name("warehouse")
SAMPLE = ["--sample-events", "30000", "--sample-seed", "7"]
GITHUB_HOUR = PROJECT.parent / "shared" / "data" / "gharchive-2015-01-01-12.json.gz"
TABLES = {
    "raw.events_raw": "load_id, received_at",
    "raw.rejected_lines": "load_id, received_at",
    "analytics.events": "apply_id, load_id, received_at",
    "analytics.rejected_events": "apply_id, load_id, received_at",
    "analytics.duplicate_events": "apply_id, load_id, received_at, kept_load_id",
    "analytics.rollup_events_5min": "event_type_key, country_key, browser_key",
    "analytics.rollup_events_1hr": "event_type_key, country_key, browser_key",
    "marts.tenant_events_hourly": "",
    "marts.most_active_users_daily": "",
    "marts.most_active_entities_daily": "",
}
"""The tables that two warehouses of the same events share, and each one's columns that
only say when and in which order something was loaded."""


@pytest.fixture
def homes() -> Iterator[list[Settings]]:
    """Two empty homes, whose servers are stopped in the end."""
    # Not below pytest's own folder: a socket's path has to be short.
    folder = Path(tempfile.mkdtemp(prefix="events-", dir="/tmp"))
    homes = [
        read_settings({"WAREHOUSE_HOME": str(folder / name)}) for name in ("a", "b")
    ]
    yield homes
    for home in homes:
        embedded.stop(home)
    shutil.rmtree(folder, ignore_errors=True)


def command(settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        key: value for key, value in os.environ.items() if "AIRFLOW" not in key
    }
    return subprocess.Popen(
        [WAREHOUSE, *arguments],
        env={**environment, "WAREHOUSE_HOME": str(settings.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(settings: Settings, *arguments: str) -> tuple[int, str]:
    """The exit code and all that was printed."""
    process = command(settings, "run", *arguments)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def contents(settings: Settings) -> dict[str, object]:
    """A checksum of each table's rows, whatever their order."""
    embedded.ensure_running(settings)
    sums: dict[str, object] = {}
    with psycopg.connect(settings.dsn) as connection:
        for table, left_out in TABLES.items():
            names = "{" + left_out + "}"
            row = connection.execute(
                f"""
                select count(*), sum(hashtextextended(
                    (to_jsonb(rows) - %s::text[])::text, 0
                )::numeric)
                from {table} as rows
                """,
                (names,),
            ).fetchone()
            sums[table] = row
    return sums


def test_killed_in_the_middle_of_a_load_and_run_again_equals_an_undisturbed_run(
    homes: list[Settings],
) -> None:
    undisturbed, killed = homes
    code, output = run(undisturbed, *SAMPLE)
    assert code == 0, output
    samples = undisturbed.home / "samples"
    shutil.copytree(samples, killed.home / "samples")

    process = command(killed, "run", *SAMPLE)
    wait_for_a_part_of_the_loads(killed, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    loaded_before = count_loads(killed)
    assert 0 < loaded_before < 14, "the kill came too early or too late"
    code, output = run(killed, *SAMPLE)

    assert code == 0, output
    assert contents(killed) == contents(undisturbed)


def wait_for_a_part_of_the_loads(
    settings: Settings, process: subprocess.Popen[str]
) -> None:
    while process.poll() is None and not 0 < count_loads(settings) < 14:
        time.sleep(0.005)


def count_loads(settings: Settings) -> int:
    try:
        with psycopg.connect(settings.dsn) as connection:
            row = connection.execute("select count(*) from raw.loads").fetchone()
    except psycopg.Error:
        return 0
    return row[0] if row else 0


def test_bad_files_end_in_a_line_each_and_exit_code_1_and_the_good_are_loaded(
    homes: list[Settings], tmp_path: Path
) -> None:
    header = "customer_id,event_type,transaction_id,timestamp\n"
    good = header + "c1,click,t1,2026-01-01T00:30:00+01:00\n"
    (tmp_path / "good.csv").write_text(good)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "other.csv").write_text('{"id": 1}\n')
    (tmp_path / "torn.csv.gz").write_bytes(gzip.compress(good.encode() * 99)[:-9])

    code, output = run(homes[0], "--events", str(tmp_path), "--feed", "customer_events")

    assert code == 1
    assert "empty.csv as feed customer_events failed: is empty" in output
    assert "other.csv as feed customer_events failed: line 1, the header" in output
    assert "torn.csv.gz as feed customer_events failed: its gzip compression" in output
    *_, empty, other, torn = output.rstrip().split("\n")
    for line, name in (
        (empty, "empty.csv"),
        (other, "other.csv"),
        (torn, "torn.csv.gz"),
    ):
        assert name in line
        assert "run: warehouse dismiss" in line
    assert "2025-12-31 23:00" in output  # The good file's hour, in UTC.
    embedded.ensure_running(homes[0])
    assert count_loads(homes[0]) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--events", "/no/such/file", "--feed", "gharchive"],
            "/no/such/file: no such",
        ),
        (["--events", "/", "--feed", "nope"], "there is no feed 'nope'; declared are"),
        (["--events", "/"], "FEED says what / is; declared are"),
    ],
)
def test_a_mistake_in_the_call_is_told_in_one_line_before_anything_starts(
    homes: list[Settings], arguments: list[str], message: str
) -> None:
    code, output = run(homes[0], *arguments)

    assert code == 1
    assert output.startswith(f"warehouse: {message}")
    assert output.count("\n") == 1
    assert not homes[0].home.exists()


def test_an_hour_of_github_events_is_accounted_for_to_the_last_line(
    homes: list[Settings], tmp_path: Path
) -> None:
    file = GITHUB_HOUR
    if not file.exists():
        file = tmp_path / "hour.json.gz"
        write_hour_like_githubs(file)
    with gzip.open(file) as stream:
        lines = sum(1 for _ in stream)

    code, output = run(homes[0], "--events", str(file), "--feed", "gharchive")

    assert code == 0, output
    embedded.ensure_running(homes[0])
    with psycopg.connect(homes[0].dsn) as connection:
        account = connection.execute(
            """
            select record_count, raw_row_count + rejected_line_count,
                event_count + rejected_event_count + duplicate_event_count, status
            from marts.accounting
            """
        ).fetchall()
    assert account == [(lines, lines, lines, "balanced")]


def write_hour_like_githubs(file: Path) -> None:
    """Events in the shape that GH Archive publishes."""
    event = (
        '{"id":"%d","type":"PushEvent","actor":{"id":%d,"login":"user-%d"},'
        '"repo":{"id":%d,"name":"owner/repo-%d"},"payload":{"size":1},"public":true,'
        '"created_at":"2015-01-01T12:%02d:%02dZ"}\n'
    )
    with gzip.open(file, "wt") as stream:
        for n in range(8273):
            second = n * 3600 // 8273
            stream.write(
                event
                % (n, n % 900, n % 900, n % 700, n % 700, second // 60, second % 60)
            )
