"""Measures loading (a1) and file to marts (b2); prints a table and the raw numbers.

Runs on an embedded Postgres of its own, with the settings of the real one. The two
sides of a1 alternate, and the median of the pairs' ratios is the figure.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.events import HEADER, write_events
from event_warehouse import embedded
from event_warehouse.accounting import verify
from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings, read_settings
from event_warehouse.setup import ensure_warehouse
from event_warehouse.transform import transform

COLUMNS = (
    HEADER.replace("customer_id", "tenant_id")
    .replace("transaction_id", "event_id")
    .replace("timestamp", "event_time")
)
FEED = "customer_events"


@dataclass(frozen=True)
class Measured:
    """One side of one run."""

    seconds: float
    wal_bytes: int


def main() -> None:
    """Make the data, measure, print."""
    arguments = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="ew-", dir=arguments.folder))
    settings = read_settings({**os.environ, "WAREHOUSE_HOME": str(folder / "w")})
    try:
        file = folder / "events.csv"
        write_events(file, events=arguments.events)
        ensure_warehouse(settings)
        console = Console(width=100)
        console.print(_machine(settings, file, arguments.events))
        rows = [
            _loading(settings, file, arguments.events, arguments.pairs),
            _file_to_marts(settings, file, arguments.events, arguments.runs),
        ]
        table = Table("id", "what", "figure", "must", "goal", "measured")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    finally:
        embedded.stop(settings)
        shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5, help="of a1")
    parser.add_argument("--runs", type=int, default=3, help="of b2")
    parser.add_argument("--folder", help="where to work, other than the default")
    return parser.parse_args()


def _loading(
    settings: Settings, file: Path, events: int, pairs: int
) -> tuple[str, ...]:
    """a1: the loader against a bare COPY of the same file into the same table."""
    ratios, ours, bare = [], [], []
    for _ in range(pairs):
        _empty(settings)
        bare.append(_timed(settings, lambda: _bare_copy(settings, file)))
        _empty(settings)
        ours.append(
            _timed(
                settings, lambda: load_new_files(settings, source=str(file), feed=FEED)
            )
        )
        ratios.append(bare[-1].seconds / ours[-1].seconds)
    rate = events / statistics.median(one.seconds for one in ours) / 1000
    bare_rate = events / statistics.median(one.seconds for one in bare) / 1000
    wal = (ours[-1].wal_bytes / events, bare[-1].wal_bytes / events)
    return (
        "a1",
        "loading CSV with hash, accounting, lineage; against bare COPY",
        f"{statistics.median(ratios):.2f}x",
        "0.80x",
        "0.95x",
        f"{rate:.0f} against {bare_rate:.0f} krow/s; ratios "
        f"{min(ratios):.2f} to {max(ratios):.2f}; WAL {wal[0]:.0f} against "
        f"{wal[1]:.0f} bytes/row",
    )


def _file_to_marts(
    settings: Settings, file: Path, events: int, runs: int
) -> tuple[str, ...]:
    """b2: from a file that has landed to marts that show it."""
    transform(settings)
    rates, steps = [], []
    for _ in range(runs):
        _empty(settings)
        loaded = _timed(
            settings, lambda: load_new_files(settings, source=str(file), feed=FEED)
        )
        applied = _timed(settings, lambda: transform(settings))
        steps.append((loaded.seconds, applied.seconds))
        rates.append(events / (loaded.seconds + applied.seconds) / 1000)
    accounting = verify(settings)
    if accounting.problems or sum(load.events for load in accounting.loads) != events:
        raise SystemExit(f"the benchmark's answer is wrong: {accounting.problems}")
    load_seconds, transform_seconds = (
        statistics.median(s) for s in zip(*steps, strict=True)
    )
    return (
        "b2",
        "file to marts",
        f"{statistics.median(rates):.0f} k events/s",
        "60 k",
        "120 k",
        f"load {load_seconds:.1f} s, transform {transform_seconds:.1f} s; "
        f"{min(rates):.0f} to {max(rates):.0f} k events/s",
    )


def _timed(settings: Settings, work: Callable[[], object]) -> Measured:
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        before = connection.execute("select pg_current_wal_lsn()").fetchone()
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        wal = connection.execute(
            "select pg_current_wal_lsn() - %s", (before[0] if before else None,)
        ).fetchone()
    return Measured(seconds, int(wal[0]) if wal else 0)


def _bare_copy(settings: Settings, file: Path) -> None:
    with (
        psycopg.connect(settings.dsn) as connection,
        connection.cursor() as cursor,
        open(file, "rb") as stream,
        cursor.copy(
            f"copy raw.events_raw ({COLUMNS}) from stdin with (format csv, header)"
        ) as copy,
    ):
        while block := stream.read(1024 * 1024):
            copy.write(block)


def _empty(settings: Settings) -> None:
    """Every table empty, lineage optional for the bare side, nothing left to write."""
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        tables = connection.execute(
            """
            select format('%I.%I', schemaname, tablename) from pg_tables
            where schemaname in ('raw', 'analytics', 'marts', 'ledger')
                and tablename not in ('migration', 'feeds')
                and tablename not similar to '%_[0-9]{4}_[0-9]{2}'
            """
        ).fetchall()
        names = ", ".join(name for (name,) in tables)
        connection.execute(f"truncate {names} cascade")
        connection.execute("select raw.ensure_partition()")
        for column in ("load_id", "line_number"):
            connection.execute(
                f"alter table raw.events_raw alter column {column} set default 0"
            )
    with psycopg.connect(settings.embedded_dsn("postgres"), autocommit=True) as admin:
        admin.execute("checkpoint")


def _machine(settings: Settings, file: Path, events: int) -> str:
    with psycopg.connect(settings.dsn) as connection:
        version = connection.execute("show server_version").fetchone()
    size = file.stat().st_size
    return (
        f"Postgres {version[0] if version else '?'}, {os.cpu_count()} cores; "
        f"{events:,} events of {size / events:.0f} bytes"
    )


if __name__ == "__main__":
    main()
