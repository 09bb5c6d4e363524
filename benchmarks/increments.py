"""g1: what it costs to apply new events, however long the history."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.bench import Bench
from benchmarks.explained import Cost, explained
from benchmarks.measured import Row, measure
from benchmarks.shop import (
    EVENTS_FEED,
    apply,
    check_accounting,
    files_of,
    settings_of_shop,
    shop_events,
)
from benchmarks.warehouse import empty, load
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform

HISTORIES = (1, 10, 100)
"""As multiples of what is applied, in events and in days, as each apply is one day."""
PARTS_OF_EVENTS = 20
"""A run with a million events applies 50,000 at a time."""
WORST = 5
NEGLIGIBLE_BUFFERS = 100
"""A smaller increase does not count as growth."""
VACUUMS = """
select from pg_stat_activity
where backend_type = 'autovacuum worker'
"""
BUFFERS = """
select sum(hits + coalesce(read_bytes, 0) / current_setting('block_size')::int)::bigint
from pg_stat_io
where
    object = 'relation'
    and backend_type in ('client backend', 'background worker')
"""


@dataclass(frozen=True)
class Applied:
    """What one more day cost: in total and by model."""

    seconds: float
    wal_bytes: int
    buffers: int
    models: Mapping[str, Cost]


def increments(bench: Bench) -> Iterator[Row]:
    """g1: only the transform of a day's events, which are loaded already."""
    size = bench.events // PARTS_OF_EVENTS
    days = max(HISTORIES) + bench.runs
    whole = shop_events(bench, events=size * days, days=days)
    settings = settings_of_shop(bench.settings)
    empty(settings)
    applied: dict[int, list[Applied]] = {history: [] for history in HISTORIES}
    for past, file in enumerate(files_of(whole, days)):
        begun = [history for history in HISTORIES if history <= past]
        if begun and past < begun[-1] + bench.runs:
            applied[begun[-1]].append(_measured(settings, file))
        else:
            apply(settings, [file])
    check_accounting(settings, size * days)
    least, *longer = HISTORIES
    for history in longer:
        yield _ratio(size, history, applied[history], applied[least])
    yield from _worst(longer[-1], applied[longer[-1]], applied[least])


def _measured(settings: Settings, file: Path) -> Applied:
    """From a checkpoint on, so that the WAL has each touched page in full once."""
    load(settings, file, EVENTS_FEED)
    with explained(settings) as models:
        _settle(settings)
        before = _buffers_so_far(settings)
        measured = measure(settings.dsn, lambda: transform(settings))
        buffers = _buffers_so_far(settings) - before
    return Applied(measured.seconds, measured.wal_bytes, buffers, models)


def _settle(settings: Settings) -> None:
    """Waits for vacuums that started before autovacuum was off, then checkpoints."""
    with psycopg.connect(settings.embedded_dsn("postgres"), autocommit=True) as admin:
        while admin.execute(VACUUMS).rowcount:
            time.sleep(0.5)
        admin.execute("checkpoint")


def _buffers_so_far(settings: Settings) -> int:
    """The buffers of all clients; dbt's are included once its connections end."""
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        row = connection.execute(BUFFERS).fetchone()
    return int(row[0]) if row else 0


def _ratio(
    size: int, history: int, ours: Sequence[Applied], others: Sequence[Applied]
) -> Row:
    times = [one.seconds for one in ours], [one.seconds for one in others]
    buffers = [one.buffers for one in ours], [one.buffers for one in others]
    wal = [one.wal_bytes for one in ours], [one.wal_bytes for one in others]
    return Row(
        "g1",
        f"{size:,} new events at {history}x of them as history; against at 1x",
        f"{_times(*times)} time, {_times(*buffers)} buffers, {_times(*wal)} WAL",
        "1.5x",
        "1.05x",
        f"{_medians(*times, '.2f')} s; {_medians(*buffers, ',.0f')} buffers; "
        f"{_medians(*wal, ',.0f')} bytes of WAL",
    )


def _worst(
    history: int, ours: Sequence[Applied], others: Sequence[Applied]
) -> Iterator[Row]:
    """The models whose buffers grow most in number, as ratios of few mean little."""
    names = {name for one in ours for name in one.models}
    longer = {name: _median_cost(ours, name) for name in names}
    least = {name: _median_cost(others, name) for name in names}
    growing = sorted(names, key=lambda name: least[name].buffers - longer[name].buffers)
    for name in growing[:WORST]:
        our, other = longer[name], least[name]
        if our.buffers - other.buffers > NEGLIGIBLE_BUFFERS:
            yield Row(
                "g1",
                f"{name} alone, at {history}x; against at 1x",
                f"{_times([our.buffers], [other.buffers])} buffers",
                measured=f"{our.buffers:,} against {other.buffers:,} buffers, "
                f"{our.wal_bytes:,} against {other.wal_bytes:,} bytes of WAL, "
                f"{our.milliseconds:.0f} against {other.milliseconds:.0f} ms",
            )


def _median_cost(applied: Sequence[Applied], name: str) -> Cost:
    costs = [one.models.get(name, Cost()) for one in applied]
    return Cost(
        statistics.median([cost.milliseconds for cost in costs]),
        int(statistics.median([cost.buffers for cost in costs])),
        int(statistics.median([cost.wal_bytes for cost in costs])),
    )


def _times(ours: Sequence[float], others: Sequence[float]) -> str:
    other = statistics.median(others)
    return f"{statistics.median(ours) / other:.2f}x" if other else "new"


def _medians(ours: Sequence[float], others: Sequence[float], form: str) -> str:
    return (
        f"{statistics.median(ours):{form}} against {statistics.median(others):{form}}"
    )
