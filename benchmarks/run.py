"""Measures what `--only` names, or everything; prints a table.

Runs on an embedded Postgres of its own, with the settings of the real one. Where two
sides are compared they alternate, and the median of the pairs' ratios is the figure.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.against_dlt import against_dlt
from benchmarks.api import api
from benchmarks.bench import Bench
from benchmarks.dashboards import dashboards
from benchmarks.explorer import explorer
from benchmarks.freshness import freshness, nothing_new
from benchmarks.funnels import funnels
from benchmarks.increments import increments
from benchmarks.known_files import known_files
from benchmarks.loading import csv, other_formats, packed_csv
from benchmarks.marts import file_to_marts
from benchmarks.measured import NotMeasured, Row
from benchmarks.memory import memory
from benchmarks.queries import queries
from benchmarks.rollup_sql import against_rollup_sql
from benchmarks.sessions import sessions
from benchmarks.small_files import small_files
from benchmarks.storage import storage
from benchmarks.warehouse import ask, settings_of
from event_warehouse.processes import embedded
from event_warehouse.settings import PROJECT
from event_warehouse.setup import ensure_warehouse

MEASUREMENTS: Mapping[str, Callable[[Bench], Iterator[Row]]] = {
    "a1": csv,
    "a2": packed_csv,
    "a3": other_formats,
    "a4": against_dlt,
    "b1": against_rollup_sql,
    "b2": file_to_marts,
    "c": dashboards,
    "d": api,
    "e1": funnels,
    "e2": queries,
    "e3": sessions,
    "f": storage,
    "g1": increments,
    "g2": known_files,
    "g3": small_files,
    "h": freshness,
    "i": nothing_new,
    "m": memory,
    "x1": explorer,
}
WIDTH = 120


def main() -> None:
    """Make the data, measure, print."""
    # Else the server would outlive a benchmark that is terminated.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    arguments = parse_arguments(sys.argv[1:])
    folder = Path(tempfile.mkdtemp(prefix="ew-", dir=arguments.folder))
    bench = _bench(arguments, folder)
    try:
        ensure_warehouse(bench.settings)
        is_complete = _measure(bench, arguments.only)
    finally:
        embedded.stop(bench.settings)
        shutil.rmtree(folder)
    if not is_complete:
        sys.exit("not all was measured; the table says why")


def parse_arguments(given: Sequence[str]) -> argparse.Namespace:
    """What to measure, and how much of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--only", type=chosen, default="", help=f"of {','.join(MEASUREMENTS)}"
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5, help="of each comparison")
    parser.add_argument("--runs", type=int, default=3, help="of b2 and g1")
    parser.add_argument("--dlt-events", type=int, default=100_000, help="of a4")
    parser.add_argument("--small-files", type=int, default=1_000, help="of g3")
    parser.add_argument("--megabytes", type=int, default=300, help="of m's large files")
    parser.add_argument("--folder", help="where to work, if not in the temporary one")
    parser.add_argument(
        "--comparators",
        type=Path,
        default=PROJECT / ".warehouse" / "comparators",
        help="where to install what is compared with",
    )
    return parser.parse_args(given)


def chosen(names: str) -> list[str]:
    """The measurements with these ids; all if none are named."""
    ids = names.replace(" ", "").split(",") if names else [*MEASUREMENTS]
    if unknown := set(ids) - set(MEASUREMENTS):
        raise argparse.ArgumentTypeError(
            f"there is no {min(unknown)!r}; there are {', '.join(MEASUREMENTS)}"
        )
    return ids


def _bench(arguments: argparse.Namespace, folder: Path) -> Bench:
    return Bench(
        settings=settings_of(folder),
        folder=folder,
        comparators=arguments.comparators.resolve(),
        events=arguments.events,
        pairs=arguments.pairs,
        runs=arguments.runs,
        dlt_events=arguments.dlt_events,
        small_files=arguments.small_files,
        megabytes=arguments.megabytes,
    )


def _measure(bench: Bench, ids: Sequence[str]) -> bool:
    """True if all was measured."""
    console = Console(width=WIDTH)
    console.print(_machine(bench))
    table = Table("id", "what", "figure", "must", "goal", "measured")
    missing: list[Row] = []
    for row in chain.from_iterable(_rows(bench, id, missing) for id in ids):
        print(f"  {row.id} {row.what}: {row.figure}", flush=True)
        table.add_row(*astuple(row))
    console.print(table)
    return not missing


def _rows(bench: Bench, id: str, missing: list[Row]) -> Iterator[Row]:
    """The measurement's rows; if it ends early, the last one says why."""
    try:
        yield from MEASUREMENTS[id](bench)
    except NotMeasured as error:
        missing.append(Row(id, "", "not measured", measured=str(error)))
        yield missing[-1]


def _machine(bench: Bench) -> str:
    version = ask(bench.settings, "show server_version")
    size = bench.file.stat().st_size / bench.events
    return (
        f"Postgres {version}, {os.cpu_count()} cores; {bench.events:,} events of "
        f"{size:.0f} bytes"
    )


if __name__ == "__main__":
    main()
