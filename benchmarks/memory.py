"""m: the most memory that the loader uses, whatever file it gets."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.measured import Row, measure
from benchmarks.memory_files import TEMPTING, Tempting, write_large_csv
from benchmarks.warehouse import empty
from event_warehouse.settings import PROJECT

EVENTS = 100_000
MB = 1_000_000
MOST_SECONDS = 300


def memory(bench: Bench) -> Iterator[Row]:
    """m: a row for each file, each loaded in a process of its own."""
    large = bench.folder / "large.csv"
    write_large_csv(large, bench.megabytes, bench.file_of(EVENTS))
    for tempting in TEMPTING:
        file = tempting.write(large, bench.megabytes)
        yield _row(bench, tempting, file)
        if file != large:
            file.unlink()
    large.unlink()


def _row(bench: Bench, tempting: Tempting, file: Path) -> Row:
    empty(bench.settings)
    said: list[dict[str, int] | str] = []
    measured = measure(
        bench.settings.dsn, lambda: said.append(_load_alone(bench, file, tempting.feed))
    )
    what = tempting.what.format(size=f"{bench.megabytes} MB")
    (came,) = said
    if isinstance(came, str):
        return Row("m", f"memory: {what}", "died", "512 MB", "256 MB", came)
    told = (
        f"{came['rows']:,} rows, {came['rejected_lines']:,} rejected lines, "
        f"{came['failed']} failed files, {measured.seconds:.1f} s"
    )
    if records := came["rows"] + came["rejected_lines"]:
        told += f"; WAL {measured.wal_bytes / records:.0f} bytes/record"
    peak = f"{came['peak_bytes'] / MB:.0f} MB"
    return Row("m", f"memory: {what}", peak, "512 MB", "256 MB", told)


def _load_alone(bench: Bench, file: Path, feed: str) -> dict[str, int] | str:
    """What the process reports or, if it fails, the last line of its output."""
    given = [str(bench.folder), str(file), feed]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.load_alone", *given],
            capture_output=True,
            text=True,
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            timeout=MOST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"not finished after {MOST_SECONDS} s"
    if done.returncode:
        return [f"exit code {done.returncode}", *done.stderr.splitlines()][-1]
    came: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return came
