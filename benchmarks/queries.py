"""e2: ad-hoc questions over events, against DuckDB, which has them sorted by time."""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from psycopg import AsyncConnection

from benchmarks.bench import Bench
from benchmarks.comparators import ensure_installed
from benchmarks.duckdb_process import Ask, asking_duckdb
from benchmarks.events import ROWS_A_WRITE, START
from benchmarks.measured import Row, WrongAnswer
from benchmarks.shop import (
    apply,
    check_accounting,
    files_of,
    settings_of_shop,
    shop_events,
)
from benchmarks.warehouse import empty
from event_warehouse.database import load_statements
from event_warehouse.query.body import read_query
from event_warehouse.query.run import ask

PROGRAM = Path(__file__).with_name("queries_duckdb.py")
DUCKDB = load_statements("benchmarks", "queries")
DAYS = 30
EVENTS_A_STEP = 1_000_000
TENANT = "tenant-0"
"""It has half of the events."""
BEGIN = START.astype(datetime)
END = BEGIN + timedelta(days=DAYS)
RUNS = 3
TABLES = ("as_json", "as_columns")
"""Attributes are kept as JSON, as the warehouse does, or declared as columns."""


def question(*filters: object, **members: Any) -> dict[str, Any]:
    """A question about one series over the whole range."""
    series = {"name": "asked", "filters": filters, **members.pop("series", {})}
    return {
        "start": BEGIN.isoformat(),
        "end": END.isoformat(),
        "data": [series],
        **members,
    }


@dataclass(frozen=True)
class Asked:
    """A question; queries.sql has the same in SQL."""

    name: str
    what: str
    body: Mapping[str, Any]


QUESTIONS = (
    Asked(
        "failed_paths",
        "failed requests below a path: events and users by path",
        question(
            {"type": "gte", "key": "status_code", "value": 500},
            {"type": "prefix", "key": "path", "value": "/p/1"},
            series={"unique": ["user_id"]},
            breakdown={"keys": ["path"], "limit": 20},
        ),
    ),
    Asked(
        "regex",
        "paths that match an expression: events and sessions",
        question(
            {"type": "regex", "key": "path", "value": "^/p/[0-9]*7$"},
            series={"unique": ["session_id"]},
        ),
    ),
    Asked(
        "sums_by_day",
        "sums of an attribute by day and browser",
        question(
            {"type": "exists", "key": "amount"},
            series={"operations": [{"type": "sum", "key": "amount"}]},
            bucket="day",
            breakdown={"keys": ["browser"]},
        ),
    ),
    Asked(
        "match_keys",
        "distinct users with what they looked at, by type",
        question(
            series={
                "keys": ["user_id", "item_colour_id"],
                "unique": ["user_id", "item_colour_id"],
            },
            breakdown={"keys": ["event_type"]},
        ),
    ),
    Asked(
        "groups",
        "groups of filters on fields and an attribute, by country",
        question(
            {
                "type": "or",
                "filters": [
                    {
                        "type": "and",
                        "filters": [
                            {"type": "eq", "key": "platform", "value": "web"},
                            {
                                "type": "in",
                                "key": "browser",
                                "values": ["chrome", "edge"],
                            },
                        ],
                    },
                    {"type": "eq", "key": "status_code", "value": "404"},
                ],
            },
            {"type": "ne", "key": "entity_id", "value": "p-0"},
            breakdown={"keys": ["country"]},
        ),
    ),
)


def queries(bench: Bench) -> Iterator[Row]:
    """e2: the sides answer in turn; a side's time is the median of its runs."""
    python = ensure_installed(bench.comparators)
    events = bench.folder / f"visits-{bench.events}.csv"
    write_visits(shop_events(bench, events=bench.events, days=DAYS), events)
    settings = settings_of_shop(bench.settings)
    empty(settings)
    apply(settings, files_of(events, -(-bench.events // EVENTS_A_STEP)))
    check_accounting(settings, bench.events)
    database = bench.folder / "queries.duckdb"
    with (
        asking_duckdb(python, PROGRAM, events, database=database) as duckdb,
        asyncio.Runner() as runner,
    ):
        connection = runner.run(AsyncConnection.connect(settings.dsn, autocommit=True))
        runner.run(connection.execute("vacuum (analyze)"))
        for asked in QUESTIONS:
            rounds = []
            for _ in range(bench.pairs):
                ours = runner.run(_ask(connection, asked))
                theirs = [_ask_duckdb(duckdb, asked, table) for table in TABLES]
                for their in theirs:
                    _check(asked, ours, their)
                rounds.append([their.seconds / ours.seconds for their in theirs])
                last = (ours, *theirs)
            yield _row(asked, rounds, last)
        runner.run(connection.close())


def write_visits(whole: Path, file: Path, *, seed: int = 1) -> None:
    """The same events with four attributes; only some have an amount."""
    if file.exists():
        return
    random = np.random.default_rng(seed)
    for number, frame in enumerate(
        pd.read_csv(whole, chunksize=ROWS_A_WRITE, dtype=str)
    ):
        count = len(frame)
        frame["path"] = np.char.add("/p/", random.integers(0, 500, count).astype(str))
        frame["status_code"] = random.choice(
            [200, 301, 404, 500, 503], count, p=[0.9, 0.03, 0.04, 0.02, 0.01]
        )
        cents = random.integers(100, 20_000, count) / 100
        frame["amount"] = pd.Series(cents).where(random.random(count) < 0.2).to_numpy()
        frame["item_colour_id"] = random.integers(0, 40, count)
        frame.to_csv(file, mode="a", header=number == 0, index=False)


@dataclass(frozen=True)
class Said:
    """The rows of one side, and how long it took."""

    seconds: float
    rows: Sequence[tuple[str, ...]]
    source: str = ""


async def _ask(connection: AsyncConnection, asked: Asked) -> Said:
    """From the body to rows in Python."""
    body = json.dumps(asked.body).encode()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        async with connection.transaction():
            answer = await ask(connection, read_query(body), tenant=TENANT)
        times.append(time.perf_counter() - start)
    (series,) = answer.series
    return Said(statistics.median(times), _as_text(series.rows), series.answered_from)


def _ask_duckdb(ask_duckdb: Ask, asked: Asked, table: str) -> Said:
    query = DUCKDB[asked.name].as_string()
    values = {"tenant": TENANT, "begin": str(BEGIN), "end": str(END)}
    said = ask_duckdb({"table": table, "query": query, "values": values, "runs": RUNS})
    return Said(statistics.median(said["seconds"]), _as_text(said["rows"]))


def _as_text(rows: Sequence[Sequence[Any]]) -> list[tuple[str, ...]]:
    """The rows as text: times without their zone, UTC, and each bucket once."""
    return [
        tuple(
            str(value).removesuffix("+00:00")
            for place, value in enumerate(row)
            if not (place and isinstance(value, datetime))
        )
        for row in rows
    ]


def _check(asked: Asked, ours: Said, theirs: Said) -> None:
    if not ours.rows or list(ours.rows) != list(theirs.rows):
        raise WrongAnswer(f"{asked.name}: {ours.rows[:3]} against {theirs.rows[:3]}")


def _row(
    asked: Asked, rounds: Sequence[Sequence[float]], last: tuple[Said, ...]
) -> Row:
    ratios = [1 / statistics.median(one) for one in zip(*rounds, strict=True)]
    seconds = " / ".join(f"{side.seconds * 1000:.0f}" for side in last)
    return Row(
        "e2",
        f"{asked.what}; against DuckDB with JSON / with columns",
        f"{ratios[0]:.1f}x / {ratios[1]:.1f}x its time",
        "10x",
        "2x",
        f"{seconds} ms; {len(last[0].rows):,} rows from {last[0].source}",
    )
