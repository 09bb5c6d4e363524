"""g2: what it costs to find out that a file is known, however long the history."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psycopg

from benchmarks.bench import Bench
from benchmarks.measured import Row, WrongAnswer
from benchmarks.warehouse import FEED, ask, empty, load
from event_warehouse.database import Role, connect
from event_warehouse.load.files import SETTLED
from event_warehouse.load.one_file import STATEMENTS
from event_warehouse.settings import Settings

HISTORIES = (0, 10_000, 100_000)
NAMES = 100_000
EVENTS = 1_000
RUNS = 20
NAME_RUNS = 5
AN_HOUR = 3600.0


def known_files(bench: Bench) -> Iterator[Row]:
    """g2: a run that finds one known file; a check of 100,000 names."""
    file = bench.file_of(EVENTS)
    _make_old(file)
    medians, buffers = [], []
    for loads in HISTORIES:
        empty(bench.settings)
        load(bench.settings, file)
        _invent_loads(bench.settings, loads)
        medians.append(_milliseconds(RUNS, lambda: _find_known(bench, file)))
        buffers.append(_buffers(bench.settings, lambda: _find_known(bench, file)))
    sizes = " / ".join(f"{loads:,}" for loads in HISTORIES)
    yield Row(
        "g2",
        "a run of the loader that finds one file, which is loaded",
        f"{medians[-1]:.0f} ms",
        "constant",
        "below 50 ms",
        f"{' / '.join(f'{median:.0f}' for median in medians)} ms and "
        f"{' / '.join(f'{count:,}' for count in buffers)} buffers read with {sizes} "
        "other loads",
    )
    milliseconds = _milliseconds(NAME_RUNS, lambda: _find_names(bench.settings))
    yield Row(
        "g2",
        f"which of {NAMES:,} landed names are new; the query alone",
        f"{milliseconds:.0f} ms",
        "",
        "",
        f"{milliseconds * 1000 / NAMES:.1f} us a name, with {HISTORIES[-1]:,} loads",
    )


def _make_old(file: Path) -> None:
    """Backdates the file: one that has only just changed is read again each time."""
    changed = time.time() - AN_HOUR
    os.utime(file, (changed, changed))


def _milliseconds(runs: int, work: Callable[[], object]) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def _buffers(settings: Settings, work: Callable[[], object]) -> int:
    """The buffers that the server reads for it, cached or not, including this query's.

    The least of several runs, as a server process may report its reads late.
    """
    read = [_buffers_so_far(settings)]
    for _ in range(RUNS):
        work()
        read.append(_buffers_so_far(settings))
    return min(after - before for before, after in pairwise(read))


def _buffers_so_far(settings: Settings) -> int:
    so_far = ask(
        settings,
        "select blks_hit + blks_read from pg_stat_database where datname = 'warehouse'",
    )
    assert isinstance(so_far, int)
    return so_far


def _find_known(bench: Bench, file: Path) -> None:
    if load(bench.settings, file).already_loaded != 1:
        raise WrongAnswer(f"{file.name} was not known")


def _find_names(settings: Settings) -> None:
    """All of the names are known but one, which follows the last invented load's."""
    asked = {
        "feed": FEED,
        "uris": [_name(number) for number in range(2, NAMES + 2)],
        "versions": [_version(number) for number in range(2, NAMES + 2)],
        "statuses": SETTLED,
    }
    with connect(settings.dsn, Role.LOADER, autocommit=True) as connection:
        known = connection.execute(STATEMENTS["settled_uris"], asked).rowcount
    if known != NAMES - 1:
        raise WrongAnswer(f"{known:,} of {NAMES:,} names were known")


def _name(number: int) -> str:
    return f"file:///landing/events/2026/{number:06}.csv"


def _version(number: int) -> str:
    return f"110000-1793491200000000000-{number}"


def _invent_loads(settings: Settings, count: int) -> None:
    """Records loads of other files, numbered from 1, as if they were made before."""
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        connection.execute(
            """
            insert into raw.loads (
                feed_id, uri, sha256, file_version, byte_count, status,
                record_count, row_count, rejected_line_count
            )
            select
                feeds.feed_id,
                format('file:///landing/events/2026/%%s.csv', lpad(n::text, 6, '0')),
                encode(sha256(n::text::bytea), 'hex'),
                format('110000-1793491200000000000-%%s', n),
                110000, 'loaded', 1000, 1000, 0
            from raw.feeds as feeds cross join generate_series(1, %(count)s) as n
            where feeds.feed = %(feed)s
            """,
            {"count": count, "feed": FEED},
        )
        connection.execute("vacuum (analyze) raw.loads, raw.copies")
