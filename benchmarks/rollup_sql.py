"""b1: from a file to marts, against seed 004's own SQL on the same Postgres."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.bench import Bench
from benchmarks.events import START
from benchmarks.measured import (
    Measured,
    Row,
    WrongAnswer,
    measure,
    measure_pairs,
    median_seconds,
)
from benchmarks.shop import check_accounting
from benchmarks.warehouse import empty, load
from event_warehouse.database import load_statements
from event_warehouse.transform.run import transform

STATEMENTS = load_statements("benchmarks", "seed_004")
BLOCK_BYTES = 1024 * 1024
WORK_MEM = "256MB"
"""What the models may use for a sort (dbt_project.yml)."""
ROLLUPS = {
    "rollup_events_5min": ("event_5min", "5 minutes"),
    "rollup_events_1hr": ("event_hour", "1 hour"),
}


def against_rollup_sql(bench: Bench) -> Iterator[Row]:
    """b1, and the same against rollups without lists of top devices."""
    transform(bench.settings)
    for rollup, name, must, goal in (
        ("rollup_with_top", "counts, distincts and top devices", "2.0x", "1.0x"),
        ("rollup", "counts and distincts only", "", ""),
    ):
        yield _compared(bench, Row("b1", name, must=must, goal=goal), rollup)


def _compared(bench: Bench, row: Row, rollup: str) -> Row:
    pairs = measure_pairs(
        bench.pairs,
        ours=lambda: _to_marts(bench),
        other=lambda: _rolled_up(bench, rollup),
    )
    check_accounting(bench.settings, bench.events)
    ours, others = median_seconds(pairs.ours), median_seconds(pairs.others)
    wal = [side[-1].wal_bytes / bench.events for side in (pairs.ours, pairs.others)]
    return Row(
        row.id,
        "file to marts, everything; against COPY typed and seed 004's two rollups: "
        + row.what,
        f"{1 / pairs.speed:.2f}x its time",
        row.must,
        row.goal,
        f"{ours:.1f} against {others:.1f} s; pairs {1 / pairs.speeds[-1]:.2f} to "
        f"{1 / pairs.speeds[0]:.2f}; WAL {wal[0]:.0f} against {wal[1]:.0f} bytes/row",
    )


def _to_marts(bench: Bench) -> Measured:
    """Checks the result, right after measuring, against the other side's."""
    settings = bench.settings
    empty(settings)

    def work() -> None:
        load(settings, bench.file)
        transform(settings)

    measured = measure(settings.dsn, work)
    _check_answers(settings.dsn)
    return measured


def _rolled_up(bench: Bench, rollup: str) -> Measured:
    empty(bench.settings)
    with psycopg.connect(bench.settings.dsn) as connection:
        connection.execute(STATEMENTS["schema"])
        _make_partition(connection)
    return measure(
        bench.settings.dsn, lambda: _roll_up(bench.settings.dsn, bench.file, rollup)
    )


def _make_partition(connection: psycopg.Connection) -> None:
    day: datetime = START.astype(datetime).replace(tzinfo=UTC)
    connection.execute(
        STATEMENTS["partition"].format(
            partition=sql.Identifier("seed", f"events_{day:%Y_%m_%d}"),
            start=sql.Literal(day),
            end=sql.Literal(day + timedelta(days=1)),
        )
    )


def _roll_up(dsn: str, file: Path, rollup: str) -> None:
    """Copies the file, then makes each rollup, each in a transaction of its own."""
    with psycopg.connect(dsn) as connection:
        with (
            open(file, "rb") as stream,
            connection.cursor() as cursor,
            cursor.copy(STATEMENTS["copy"]) as copy,
        ):
            while block := stream.read(BLOCK_BYTES):
                copy.write(block)
        connection.commit()
        connection.execute("analyze seed.events")
        connection.execute(sql.SQL("set work_mem to {}").format(sql.Literal(WORK_MEM)))
        for name, (_, width) in ROLLUPS.items():
            connection.execute(
                STATEMENTS[rollup].format(
                    rollup=sql.Identifier("seed", name), width=sql.Literal(width)
                )
            )
            connection.commit()


def _check_answers(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name, (bucket, _) in ROLLUPS.items():
            row = connection.execute(
                STATEMENTS["differences"].format(
                    ours=sql.Identifier("analytics", name),
                    rollup=sql.Identifier("seed", name),
                    bucket=sql.Identifier(bucket),
                )
            ).fetchone()
            compared, differing = row or (0, 0)
            if not compared or differing:
                raise WrongAnswer(f"{name}: {differing} of {compared} rows differ")
