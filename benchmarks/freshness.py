"""h: from a file's arrival to its events in the 5-minute rollup; i: nothing to do.

Measures `warehouse run --watch` in a process of its own; for h also Airflow as `make
up` starts it. Files are complete when they get their name, as those of `track` and the
service, so there is no need to wait for them to settle.
"""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from benchmarks.bench import Bench
from benchmarks.measured import (
    Measured,
    NotMeasured,
    Row,
    measure,
    measure_pairs,
    median_seconds,
)
from benchmarks.warehouse import empty
from event_warehouse.load.plan import is_any_new
from event_warehouse.local_airflow import services as airflow_services
from event_warehouse.local_airflow.api import AirflowApi, sign_in
from event_warehouse.settings import PROJECT, Settings
from event_warehouse.transform.pending import is_pending
from event_warehouse.transform.run import transform

FILES = 5
EVENTS_OF_A_FILE = 1_000
EVERY_SECONDS = 0.5
PATIENCE_SECONDS = 600.0
SCHEDULE_SECONDS = 300
PROGRAMS = Path(sys.executable).parent


def freshness(bench: Bench) -> Iterator[Row]:
    """h, for files that arrive one by one; the first pays for the start of dbt."""
    settings = bench.settings
    empty(settings)
    transform(settings)
    with _watching(settings):
        seconds = [_seconds_to_rollup(bench, number) for number in range(FILES + 1)]
    first, *others = seconds
    yield Row(
        "h",
        f"a file of {EVENTS_OF_A_FILE:,} events arrives, until they are in the "
        "5-minute rollup, with warehouse run --watch",
        f"{statistics.median(others):.1f} s",
        "60 s",
        "2 s",
        f"{min(others):.1f} to {max(others):.1f} s; the first file, which starts dbt, "
        f"{first:.1f} s",
    )
    yield _by_schedule(bench, FILES + 1)


def _by_schedule(bench: Bench, number: int) -> Row:
    """A single file, as the schedule has a run only every five minutes."""
    with _airflow(bench.settings):
        seconds = _seconds_to_rollup(bench, number)
        after_tick = time.time() % SCHEDULE_SECONDS
    return Row(
        "h",
        f"a file of {EVENTS_OF_A_FILE:,} events arrives, until they are in the "
        "5-minute rollup, with Airflow's schedule",
        f"{after_tick:.0f} s + up to {SCHEDULE_SECONDS} s",
        "",
        "",
        f"{after_tick:.1f} s after its run was due, {seconds:.0f} s after it came",
    )


@contextmanager
def _airflow(settings: Settings) -> Iterator[None]:
    """Airflow is up, and no run is under way."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = replace(settings, airflow_port=port, settle_seconds=0.0)
    try:
        airflow_services.start(settings)
        api = sign_in(settings)
        # Each scheduled DAG runs at once, for the interval that ended last.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _is_at_rest(api):
            if time.monotonic() > deadline:
                raise NotMeasured("Airflow's first runs did not end")
            time.sleep(1)
        yield
    finally:
        airflow_services.stop(settings)


def _is_at_rest(api: AirflowApi) -> bool:
    runs = api.get("/api/v2/dags/~/dagRuns?limit=100")["dag_runs"]
    states = {run["state"] for run in runs if run["dag_id"] == "check_quality"}
    is_busy = {"queued", "running"} & {run["state"] for run in runs}
    return bool(states) and not is_busy


def nothing_new(bench: Bench) -> Iterator[Row]:
    """i, against the dbt CLI on the same models with nothing to do."""
    settings = bench.settings
    empty(settings)
    transform(settings)
    settings.landing.mkdir(parents=True, exist_ok=True)
    pairs = measure_pairs(
        bench.pairs,
        ours=lambda: _looked(settings),
        other=lambda: measure(settings.dsn, lambda: _dbt(settings)),
    )
    ours, others = (median_seconds(side) for side in (pairs.ours, pairs.others))
    yield Row(
        "i",
        "a run with nothing new; against dbt run of the same models",
        f"{1 / pairs.speed:.4f}x its time",
        "1x",
        "0.1x",
        f"{ours * 1000:.0f} ms against {others:.1f} s",
    )


def _looked(settings: Settings) -> Measured:
    # Views that dbt has replaced by itself are due for the next transform.
    transform(settings)
    return measure(settings.dsn, lambda: _look(settings))


def _look(settings: Settings) -> None:
    if is_any_new(settings, retries_failed=False) or is_pending(settings):
        raise NotMeasured("there was something new")


def _dbt(settings: Settings) -> None:
    subprocess.run(
        [
            PROGRAMS / "dbt",
            "--quiet",
            "run",
            "--project-dir",
            ".",
            "--profiles-dir",
            ".",
        ],
        cwd=PROJECT / "dbt_project",
        env=_environment(settings) | {"DBT_TARGET_PATH": str(settings.home / "cli")},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _environment(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "WAREHOUSE_HOME": str(settings.home),
        "WAREHOUSE_FEEDS": str(settings.feeds),
        "WAREHOUSE_SETTLE_SECONDS": "0",
    }


@contextmanager
def _watching(settings: Settings) -> Iterator[None]:
    settings.landing.mkdir(parents=True, exist_ok=True)
    command = [
        str(PROGRAMS / "warehouse"),
        "run",
        "--watch",
        "--every",
        str(EVERY_SECONDS),
    ]
    with subprocess.Popen(
        command,
        env=_environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            if "Watching" not in process.stdout.readline():
                raise NotMeasured("warehouse run --watch did not start")
            yield
        finally:
            process.send_signal(signal.SIGTERM)


def _seconds_to_rollup(bench: Bench, number: int) -> float:
    folder = bench.settings.landing / "events"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{number}.csv"
    part.write_text(_events(number))
    wanted = (number + 1) * EVENTS_OF_A_FILE
    counted = "select coalesce(sum(event_count), 0) from analytics.rollup_events_5min"
    with psycopg.connect(bench.settings.dsn, autocommit=True) as connection:
        start = time.perf_counter()
        part.rename(folder / f"{number}.csv")
        while connection.execute(counted).fetchone() != (wanted,):
            if time.perf_counter() - start > PATIENCE_SECONDS:
                raise NotMeasured(f"file {number + 1} did not come to the rollup")
            time.sleep(0.02)
        return time.perf_counter() - start


def _events(number: int) -> str:
    """A file of recent events that no other file has."""
    now = datetime.now(UTC).replace(microsecond=0)
    lines = ["customer_id,event_type,transaction_id,timestamp,country,device_id"]
    lines += [
        f"tenant-{n % 10},seen,{number}-{n},{now - timedelta(seconds=n):%FT%TZ},DE,d{n}"
        for n in range(EVENTS_OF_A_FILE)
    ]
    return "\n".join(lines) + "\n"
