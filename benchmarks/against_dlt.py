"""a4: loading, against dlt on the same Postgres."""

import json
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import psycopg

from benchmarks.bench import Bench
from benchmarks.comparators import ensure_installed
from benchmarks.measured import Measured, Row, WrongAnswer, measure, measure_pairs
from benchmarks.warehouse import ask, empty, load
from event_warehouse.settings import DEFAULT_PORT, Settings

PROGRAM = Path(__file__).with_name("dlt_load.py")
DATASET = "dlt_events"
SIDES = (
    ("dict rows", "dict-rows", "insert_values", "20x", "50x"),
    ("dict rows, CSV between", "dict-rows", "csv", "", ""),
    ("Arrow tables, CSV between", "arrow", "csv", "5x", "15x"),
)
"""What dlt is given, and the file format it loads through; for dict rows, its default
and a faster one."""


def against_dlt(bench: Bench) -> Iterator[Row]:
    """a4: each way to load with dlt. Raises NotInstalled if dlt can't be installed."""
    python = ensure_installed(bench.comparators)
    for name, kind, file_format, must, goal in SIDES:
        pairs = measure_pairs(
            bench.pairs,
            ours=partial(_loaded, bench),
            other=partial(_loaded_by_dlt, bench, python, kind, file_format),
        )
        yield Row(
            "a4",
            f"loading CSV; against dlt with {name}",
            f"{pairs.speed:.0f}x",
            must,
            goal,
            pairs.told(bench.dlt_events),
        )


def _loaded(bench: Bench) -> Measured:
    settings, file = bench.settings, bench.file_of(bench.dlt_events)
    empty(settings)
    measured = measure(settings.dsn, lambda: load(settings, file))
    _check(ask(settings, "select count(*) from raw.events_raw"), bench)
    return measured


def _loaded_by_dlt(bench: Bench, python: Path, kind: str, file_format: str) -> Measured:
    """The time that dlt reports, without its start and the creation of its tables."""
    settings, file = bench.settings, bench.file_of(bench.dlt_events)
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        connection.execute(f"drop schema if exists {DATASET} cascade")
    pipelines = bench.folder / "dlt"
    given = [kind, file_format, str(file), _dsn(settings), DATASET, str(pipelines)]
    done = subprocess.run(
        [str(python), str(PROGRAM), *given],
        capture_output=True,
        text=True,
        cwd=bench.folder,
        env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"},
    )
    if done.returncode:
        raise WrongAnswer(f"dlt failed: {done.stderr[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    _check(said["rows"], bench)
    return Measured(said["seconds"], said["wal_bytes"])


def _dsn(settings: Settings) -> str:
    """dlt requires a host and a password in the address; libpq needs neither here."""
    folder, port = quote(str(settings.socket_folder), safe=""), settings.port
    return (
        f"postgresql://warehouse:unused@localhost:{port or DEFAULT_PORT}/warehouse"
        f"?host={folder}"
    )


def _check(rows: object, bench: Bench) -> None:
    if rows != bench.dlt_events:
        raise WrongAnswer(f"{rows} rows of {bench.dlt_events} events")
