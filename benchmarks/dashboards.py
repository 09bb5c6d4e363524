"""c: eight dashboard queries from the marts, against raw and against DuckDB."""

import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.bench import Bench
from benchmarks.comparators import ensure_installed
from benchmarks.duckdb_process import Ask, asking_duckdb
from benchmarks.events import START
from benchmarks.measured import Row, WrongAnswer
from benchmarks.shop import DAYS, filled_shop
from event_warehouse.database import load_statements

PROGRAM = Path(__file__).with_name("dashboards_duckdb.py")
MARTS = load_statements("benchmarks", "dashboards_marts")
EVENTS = load_statements("benchmarks", "dashboards_events")
RAW = load_statements("benchmarks", "dashboards_raw")
END = START.astype(datetime) + timedelta(days=DAYS)
VALUES = {
    "tenant": "tenant-0",
    "owner": "owner-7",
    # Some hours before the end, so that the last day is incomplete.
    "as_of": (END - timedelta(hours=3)).isoformat(" "),
}
"""The tenant has half of the events."""
RUNS = 50
OTHERS_RUNS = 20
RAW_RUNS = 1
EXACT_BELOW = 1024
MOST_ERROR = 5 * 0.031
"""The largest accepted error of an estimate: five standard errors."""
LARGE_ROWS = 1_000
"""A full scan of a smaller table is fine."""

Rows = Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Dashboard:
    """A query; the columns that the marts estimate, by position."""

    name: str
    what: str
    estimated: tuple[int, ...] = ()


DASHBOARDS = (
    Dashboard("owner_months", "events and products of an owner by month"),
    Dashboard("country_months", "events and products by country and month"),
    Dashboard("customer_hours", "one customer's hours over 90 days"),
    Dashboard("last_minutes", "events and devices of the last 5 minutes", (1,)),
    Dashboard("sessions_of_week", "distinct sessions over a week", (1,)),
    Dashboard("trend_of_two_days", "hourly trend of two days", (2, 3)),
    Dashboard("top_devices", "top devices in 30 minutes"),
    Dashboard("types_by_day", "events per type and day"),
)


@dataclass(frozen=True)
class Answer:
    """The rows of one side, and how long it took each time."""

    seconds: Sequence[float]
    rows: Rows

    @property
    def p95(self) -> float:
        """The 95th percentile: the least time that 95 % of the runs stay within."""
        return sorted(self.seconds)[-(-len(self.seconds) * 95 // 100) - 1]


Side = Callable[[Dashboard], Answer]


def dashboards(bench: Bench) -> Iterator[Row]:
    """c: the sides answer in turn, each query once per round."""
    python = ensure_installed(bench.comparators)
    shop = filled_shop(bench)
    with (
        asking_duckdb(
            python,
            PROGRAM,
            shop.events,
            shop.products,
            database=bench.folder / "dashboards.duckdb",
        ) as ask_duckdb,
        psycopg.connect(bench.settings.dsn, autocommit=True) as connection,
    ):
        _make_views(connection)
        # For the statistics of raw, which has none yet, and for the visibility maps:
        # autovacuum would provide both within the minute.
        connection.execute("vacuum (analyze)")
        marts = _postgres(connection, MARTS, RUNS)
        raw = _postgres(connection, EVENTS, RAW_RUNS)
        for dashboard in DASHBOARDS:
            rounds = [
                (raw(dashboard), _duckdb(ask_duckdb, dashboard), marts(dashboard))
                for _ in range(bench.pairs)
            ]
            for theirs, other, ours in rounds:
                check_alike(dashboard, ours.rows, theirs.rows)
                check_alike(dashboard, ours.rows, other.rows)
            yield _row(dashboard, rounds, _plan(connection, dashboard))
        connection.execute(RAW["drop"])


def check_alike(dashboard: Dashboard, ours: Rows, theirs: Rows) -> None:
    """Raises WrongAnswer if rows differ, except in estimates within their error."""
    if not ours or len(ours) != len(theirs):
        raise WrongAnswer(f"{dashboard.name}: {len(ours)} rows against {len(theirs)}")
    for our, their in zip(sorted(ours), sorted(theirs), strict=True):
        for place, (one, other) in enumerate(zip(our, their, strict=True)):
            if one != other and not (
                place in dashboard.estimated and is_near(int(one), int(other))
            ):
                raise WrongAnswer(f"{dashboard.name}: {our} against {their}")


def is_near(estimate: int, exact: int) -> bool:
    """Whether a sketch of `exact` values may give this estimate."""
    if exact < EXACT_BELOW:
        return estimate == exact
    return abs(estimate - exact) <= exact * MOST_ERROR


def _make_views(connection: psycopg.Connection) -> None:
    connection.execute(RAW["drop"])
    (load,) = connection.execute(RAW["products_load"]).fetchone() or (None,)
    connection.execute(RAW["views"].format(products=sql.Literal(load)))


def _postgres(
    connection: psycopg.Connection, statements: Mapping[str, sql.SQL], runs: int
) -> Side:
    def answer(dashboard: Dashboard) -> Answer:
        times = []
        rows: Sequence[tuple[Any, ...]] = []
        for _ in range(runs):
            start = time.perf_counter()
            rows = connection.execute(statements[dashboard.name], VALUES).fetchall()
            times.append(time.perf_counter() - start)
        return Answer(times, _as_text(rows))

    return answer


def _duckdb(ask: Ask, dashboard: Dashboard) -> Answer:
    query = EVENTS[dashboard.name].as_string()
    named = re.sub(r"%\((\w+)\)s", r"$\1", query)
    values = {name: VALUES[name] for name in re.findall(r"\$(\w+)", named)}
    said = ask({"query": named, "values": values, "runs": OTHERS_RUNS})
    return Answer(said["seconds"], _as_text(said["rows"]))


def _as_text(rows: Sequence[Sequence[Any]]) -> Rows:
    return [tuple(map(str, row)) for row in rows]


@dataclass(frozen=True)
class Plan:
    """What a query to the marts reads."""

    buffers: int
    scanned: Sequence[str]
    """Tables that are fully scanned and not small."""


def _plan(connection: psycopg.Connection, dashboard: Dashboard) -> Plan:
    (plans,) = connection.execute(
        sql.SQL("explain (analyze, buffers, timing off, format json) {}").format(
            MARTS[dashboard.name]
        ),
        VALUES,
    ).fetchone() or ([],)
    top = plans[0]["Plan"]
    return Plan(
        top["Shared Hit Blocks"] + top["Shared Read Blocks"],
        sorted({node["Relation Name"] for node in _nodes(top) if _is_large_scan(node)}),
    )


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for below in node.get("Plans", []):
        yield from _nodes(below)


def _is_large_scan(node: Mapping[str, Any]) -> bool:
    read: float = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return node["Node Type"] == "Seq Scan" and read >= LARGE_ROWS


def _row(
    dashboard: Dashboard, rounds: Sequence[tuple[Answer, Answer, Answer]], plan: Plan
) -> Row:
    from_raw = statistics.median([raw.p95 / marts.p95 for raw, _, marts in rounds])
    from_duckdb = statistics.median([duck.p95 / marts.p95 for _, duck, marts in rounds])
    p95s = [
        statistics.median([side.p95 for side in sides])
        for sides in zip(*rounds, strict=True)
    ]
    raw, duck, marts = (f"{p95 * 1000:.2f}" for p95 in p95s)
    scans = f"; scans {', '.join(plan.scanned)}" if plan.scanned else ""
    return Row(
        "c",
        f"{dashboard.what}; against raw / DuckDB",
        f"{from_raw:.0f}x / {from_duckdb:.1f}x as fast",
        "100x / 1x",
        "1000x / 5x",
        f"p95 {marts} ms against {raw} / {duck} ms; {len(rounds[-1][2].rows):,} rows, "
        f"{plan.buffers:,} buffers{scans}",
    )
