"""e1: an exact-order funnel of every user, against DuckDB on the same events."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.bench import Bench
from benchmarks.comparators import ensure_installed
from benchmarks.duckdb_process import Ask, asking_duckdb
from benchmarks.measured import Row, WrongAnswer
from benchmarks.shop import filled_shop
from benchmarks.warehouse import ask
from event_warehouse.database import load_statements

PROGRAM = Path(__file__).with_name("dashboards_duckdb.py")
STATEMENTS = load_statements("benchmarks", "funnels")


@dataclass(frozen=True)
class Answer:
    """The rows of one side, and how long it took."""

    seconds: float
    rows: Sequence[Sequence[Any]]


Side = Callable[[str], Answer]


def funnels(bench: Bench) -> Iterator[Row]:
    """e1: the sides answer in turn; DuckDB also a simpler question, only the counts."""
    python = ensure_installed(bench.comparators)
    shop = filled_shop(bench)
    with (
        asking_duckdb(
            python,
            PROGRAM,
            shop.events,
            shop.products,
            database=bench.folder / "funnels.duckdb",
        ) as ask_duckdb,
        psycopg.connect(shop.settings.dsn, autocommit=True) as connection,
    ):
        # Autovacuum would do this within the minute.
        connection.execute("vacuum (analyze)")
        connection.execute("set work_mem to '256MB'")
        ours = _postgres(connection)
        for other, what, must, goal in (
            ("duckdb", "users and median seconds", "3x", "0.3x"),
            ("duckdb_counts", "DuckDB only counts users", "", ""),
        ):
            pairs = [
                (_duckdb(ask_duckdb, other), ours("ours")) for _ in range(bench.pairs)
            ]
            for theirs, our in pairs:
                check_alike(our.rows, theirs.rows)
            yield _row(what, must, goal, pairs)
        windowed = statistics.median(
            ours("ours_within_a_day").seconds for _ in range(bench.pairs)
        )
        yield Row("e1", "the same within a day", f"{windowed:.2f} s")
    size = ask(
        shop.settings,
        "select pg_total_relation_size('analytics.fct_user_sequences_daily')",
    )
    yield Row(
        "e1",
        "sequences with their index",
        f"{int(str(size)) / bench.events:.0f} bytes an event",
    )


def check_alike(ours: Sequence[Sequence[Any]], theirs: Sequence[Sequence[Any]]) -> None:
    """Raises WrongAnswer if a number of theirs differs by more than rounding."""
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


def _duckdb(ask: Ask, name: str) -> Answer:
    said = ask({"query": STATEMENTS[name].as_string(), "values": {}, "runs": 1})
    return Answer(said["seconds"][0], said["rows"])


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
