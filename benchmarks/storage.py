"""f: how many bytes all layers and indexes take, against the CSV they came from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.bench import Bench
from benchmarks.measured import Row
from benchmarks.shop import (
    EVENTS_FEED,
    apply,
    check_accounting,
    files_of,
    settings_of_shop,
    shop_events,
)
from benchmarks.warehouse import empty

STEPS = 20
"""Files that arrive one after another, as updates leave dead rows behind."""
DAYS = 90
LEAST_SHARE = 0.01
"""Of the CSV; smaller tables share one row."""
SIZES = """
select
    coalesce(pg_partition_root(pg_class.oid), pg_class.oid)::regclass::text,
    pg_namespace.nspname,
    sum(pg_table_size(pg_class.oid))::bigint,
    sum(pg_indexes_size(pg_class.oid))::bigint
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    pg_class.relkind = 'r'
    and pg_namespace.nspname in ('raw', 'ledger', 'analytics', 'marts')
group by 1, 2
order by sum(pg_total_relation_size(pg_class.oid)) desc
"""


@dataclass(frozen=True)
class Table:
    """A table with all its partitions."""

    name: str
    layer: str
    heap_bytes: int
    index_bytes: int

    @property
    def bytes(self) -> int:
        """With its indexes."""
        return self.heap_bytes + self.index_bytes


def storage(bench: Bench) -> Iterator[Row]:
    """f: events of one day, and as many over 90 days, whose rollups have more rows."""
    for days, must, goal in ((1, "3.5x", "2.2x"), (DAYS, "", "")):
        span = "one day" if days == 1 else f"{days} days"
        file = shop_events(bench, events=bench.events, days=days)
        tables = _applied(bench, file)
        yield from _rows(bench, file, tables, Row("f", span, "", must, goal))


def _applied(bench: Bench, file: Path) -> Sequence[Table]:
    settings = settings_of_shop(bench.settings)
    empty(settings)
    apply(settings, files_of(file, STEPS), EVENTS_FEED)
    check_accounting(settings, bench.events)
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        return [Table(*row) for row in connection.execute(SIZES).fetchall()]


def _rows(bench: Bench, file: Path, tables: Sequence[Table], row: Row) -> Iterator[Row]:
    given = file.stat().st_size
    layers = {
        layer: sum(table.bytes for table in tables if table.layer == layer) / given
        for layer in dict.fromkeys(table.layer for table in tables)
    }
    yield Row(
        row.id,
        f"all layers and indexes; against the CSV, {row.what}, {STEPS} files",
        f"{sum(layers.values()):.2f}x",
        row.must,
        row.goal,
        f"{given / bench.events:.0f} bytes/event of CSV; "
        + ", ".join(f"{layer} {share:.2f}x" for layer, share in layers.items()),
    )
    large = [table for table in tables if table.bytes >= given * LEAST_SHARE]
    for table in large:
        yield Row(
            row.id,
            f"{table.name}, {row.what}",
            f"{table.bytes / given:.2f}x",
            measured=f"{table.heap_bytes / bench.events:.0f} bytes/event and "
            f"{table.index_bytes / bench.events:.0f} of indexes",
        )
    rest = sum(table.bytes for table in tables) - sum(table.bytes for table in large)
    yield Row(
        row.id,
        f"the {len(tables) - len(large)} smaller tables together, {row.what}",
        f"{rest / given:.2f}x",
    )
