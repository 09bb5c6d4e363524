"""e1: an exact-order funnel of every user, against DuckDB on the same events."""

import json
import math
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.bench import Bench
from benchmarks.comparators import ensure_installed
from benchmarks.measured import NotMeasured, Row, WrongAnswer
from benchmarks.shop import (
    apply,
    check_accounting,
    files_of,
    settings_of_shop,
    shop_events,
    write_products,
)
from benchmarks.warehouse import ask, empty
from event_warehouse.database import load_statements

PROGRAM = Path(__file__).with_name("dashboards_duckdb.py")
STATEMENTS = load_statements("benchmarks", "funnels")
DAYS = 20
EVENTS_A_STEP = 1_000_000


@dataclass(frozen=True)
class Answer:
    """What a side said and how long it took."""

    seconds: float
    rows: Sequence[Sequence[Any]]


Side = Callable[[str], Answer]


def funnels(bench: Bench) -> Iterator[Row]:
    """e1: the sides answer in turn; DuckDB also what is less, the counts alone."""
    python = ensure_installed(bench.comparators)
    settings = settings_of_shop(bench.settings)
    events = shop_events(bench, events=bench.events, days=DAYS)
    products = bench.folder / "products.csv"
    write_products(products)
    empty(settings)
    apply(settings, files_of(events, -(-bench.events // EVENTS_A_STEP)))
    check_accounting(settings, bench.events)
    with (
        _duckdb(bench, python, events, products) as duckdb,
        psycopg.connect(settings.dsn, autocommit=True) as connection,
    ):
        # What autovacuum brings within the minute.
        connection.execute("vacuum (analyze)")
        connection.execute("set work_mem to '256MB'")
        ours = _postgres(connection)
        for other, what, must, goal in (
            ("duckdb", "users and median seconds", "3x", "0.3x"),
            ("duckdb_counts", "DuckDB only counts users", "", ""),
        ):
            pairs = [(duckdb(other), ours("ours")) for _ in range(bench.pairs)]
            for theirs, our in pairs:
                check_alike(our.rows, theirs.rows)
            yield _row(what, must, goal, pairs)
        windowed = statistics.median(
            ours("ours_within_a_day").seconds for _ in range(bench.pairs)
        )
        yield Row("e1", "the same within a day", f"{windowed:.2f} s")
    size = ask(
        settings,
        "select pg_total_relation_size('analytics.fct_user_sequences_daily')",
    )
    yield Row(
        "e1",
        "sequences with their index",
        f"{int(str(size)) / bench.events:.0f} bytes an event",
    )


def check_alike(ours: Sequence[Sequence[Any]], theirs: Sequence[Sequence[Any]]) -> None:
    """Raises WrongAnswer if a number of theirs is not ours, but for rounding."""
    if not ours or len(ours) != len(theirs):
        raise WrongAnswer(f"{len(ours)} rows against {len(theirs)}")
    for our, their in zip(ours, theirs, strict=True):
        # Theirs may have fewer columns.
        for one, other in zip(our, their, strict=False):
            if not math.isclose(float(one), float(other), abs_tol=1e-6):
                raise WrongAnswer(f"{our} against {their}")


def _postgres(connection: psycopg.Connection) -> Side:
    def answer(name: str) -> Answer:
        start = time.perf_counter()
        rows = connection.execute(STATEMENTS[name]).fetchall()
        return Answer(time.perf_counter() - start, rows)

    return answer


@contextmanager
def _duckdb(bench: Bench, python: Path, events: Path, products: Path) -> Iterator[Side]:
    """A process that has the events in a table of its own, sorted by time."""
    database = bench.folder / "funnels.duckdb"
    command = [str(python), str(PROGRAM), str(events), str(products), str(database)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            _said(process)
            yield lambda name: _asked(process, name)
        finally:
            process.kill()
    database.unlink(missing_ok=True)


def _asked(process: subprocess.Popen[str], name: str) -> Answer:
    question = {"query": STATEMENTS[name].as_string(), "values": {}, "runs": 1}
    assert process.stdin
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    said = _said(process)
    return Answer(said["seconds"][0], said["rows"])


def _said(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise NotMeasured("DuckDB's process has ended; its error stands above")
    said: dict[str, Any] = json.loads(line)
    return said


def _row(
    what: str, must: str, goal: str, pairs: Sequence[tuple[Answer, Answer]]
) -> Row:
    ratios = sorted(ours.seconds / theirs.seconds for theirs, ours in pairs)
    others, ours = (
        statistics.median([side.seconds for side in sides])
        for sides in zip(*pairs, strict=True)
    )
    return Row(
        "e1",
        f"exact-order funnel per user, 3 steps, against DuckDB: {what}",
        f"{statistics.median(ratios):.2f}x its time",
        must,
        goal,
        f"{ours:.2f} against {others:.2f} s; pairs {ratios[0]:.2f} to {ratios[-1]:.2f}",
    )
