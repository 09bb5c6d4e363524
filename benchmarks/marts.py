"""b2: from a file that has landed to marts that show it."""

import statistics
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.measured import Row, WrongAnswer, measure, median_seconds
from benchmarks.warehouse import empty, load
from event_warehouse.reports.accounting import verify
from event_warehouse.transform.run import transform


def file_to_marts(bench: Bench) -> Iterator[Row]:
    """b2: loads and transforms everything, each time from empty tables."""
    settings, file = bench.settings, bench.file
    transform(settings)
    loads, transforms = [], []
    for _ in range(bench.runs):
        empty(settings)
        loads.append(measure(settings.dsn, lambda: load(settings, file)))
        transforms.append(measure(settings.dsn, lambda: transform(settings)))
    accounting = verify(settings)
    taken = sum(load.events for load in accounting.loads)
    if accounting.problems or taken != bench.events:
        raise WrongAnswer(f"{taken} events: {accounting.problems}")
    rates = [
        bench.events / (loaded.seconds + applied.seconds) / 1000
        for loaded, applied in zip(loads, transforms, strict=True)
    ]
    wal = (loads[-1].wal_bytes + transforms[-1].wal_bytes) / bench.events
    yield Row(
        "b2",
        "file to marts",
        f"{statistics.median(rates):.0f} k events/s",
        "60 k",
        "120 k",
        f"load {median_seconds(loads):.1f} s, "
        f"transform {median_seconds(transforms):.1f} s; "
        f"{min(rates):.0f} to {max(rates):.0f} k events/s; WAL {wal:.0f} bytes/row",
    )
