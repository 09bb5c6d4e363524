"""Prints the accounting and the dashboards as tables."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import psycopg
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from event_warehouse.database import Role, connect, load_statements
from event_warehouse.reports.accounting import Accounting, LoadAccount
from event_warehouse.settings import Settings

STATEMENTS = load_statements("event_warehouse.reports", "dashboards")
PLAIN_WIDTH = 136
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
TERMS = {
    "records": "records",
    "rejected_lines": "rejected lines",
    "raw_rows": "raw rows",
    "events": "events",
    "reference_rows": "reference rows",
    "rejected_events": "rejected events",
    "duplicates": "duplicates",
    "deleted_events": "deleted events",
}
MAY_BE_LEFT_OUT = {"deleted_events"}
"""Terms that are shown only if any load has them."""


def report_console() -> Console:
    """The console for reports; for a file or a pipe, wide enough for every table."""
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)


def print_accounting(accounting: Accounting, console: Console) -> None:
    """One row per feed, one per layer, then what does not hold."""
    by_feed = sorted(accounting.loads, key=attrgetter("feed"))
    terms = {
        term: heading
        for term, heading in TERMS.items()
        if term not in MAY_BE_LEFT_OUT or any(map(attrgetter(term), by_feed))
    }
    feeds = [
        _feed_row(feed, list(loads), terms)
        for feed, loads in groupby(by_feed, key=attrgetter("feed"))
    ]
    headings = ["feed", "files", "pending", "failed", *terms.values()]
    _print_table(console, "Accounting: where every record is", headings, feeds)
    layers = [(one.model, one.event_count, one.expected) for one in accounting.layers]
    _print_table(console, "Facts and rollups", ["model", "events", "expected"], layers)
    removed = [(one.table_name, one.expired, one.deleted) for one in accounting.removed]
    gone = ["of these, gone from", "expired", "deleted"]
    _print_table(console, "Expired and deleted", gone, removed)
    for problem in accounting.problems:
        line = Text.assemble(("✗ ", "red"), _printable(problem))
        console.print(line, soft_wrap=True)
    if accounting.is_balanced:
        console.print(
            "[green]✓[/green] records = raw rows + rejected lines; raw rows = events + "
            "reference rows + rejected events + duplicates; every fact and rollup sums "
            "to its events",
            highlight=False,
            soft_wrap=True,
        )


def _feed_row(
    feed: str, loads: Sequence[LoadAccount], terms: Iterable[str]
) -> tuple[object, ...]:
    loaded = [load for load in loads if load.status == "loaded"]
    return (
        feed,
        len(loaded),
        sum(load.is_pending for load in loaded),
        sum(load.status == "failed" for load in loads),
        *(sum(getattr(load, term) for load in loaded) for term in terms),
    )


def print_dashboards(settings: Settings, console: Console) -> None:
    """The marts as the read-only role sees them: all tenants, then the largest."""
    with connect(settings.dsn, Role.READER) as connection:
        tenants = print_query(
            console, "Events per tenant", connection.execute(STATEMENTS["tenants"])
        )
        if not tenants:
            return
        tenant_id = tenants[0][0]
        for name, title in (
            ("hours", f"{tenant_id}: events per hour, newest first"),
            ("users", f"{tenant_id}: most active users of the last day"),
            ("entities", f"{tenant_id}: most active entities of the last day"),
        ):
            values = {"tenant_id": tenant_id}
            print_query(console, title, connection.execute(STATEMENTS[name], values))


def print_query(
    console: Console, title: str, cursor: psycopg.Cursor[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Print a query's rows under its columns' names, and return them."""
    rows = cursor.fetchall()
    headings = [column.name for column in cursor.description or ()]
    _print_table(console, title, headings, rows)
    return rows


def _print_table(
    console: Console,
    title: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    shown = [[_show(value) for value in row] for row in rows]
    if not shown:
        return
    # Text, not str, in which rich would read [bot], part of a name, as markup.
    # Printed apart, as a table's own title is wrapped at the width of its columns.
    console.print(Text(_printable(title), "bold"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD)
    for number, heading in enumerate(headings):
        # Headings of numbers may wrap; the first column, the row's name, may not.
        widest = max(len(row[0]) for row in shown) if number == 0 else None
        table.add_column(Text(heading), min_width=widest)
    for number, column in enumerate(table.columns):
        is_number = shown[0][number].replace(",", "").isdecimal()
        column.justify = "right" if is_number else "left"
    for row in shown:
        table.add_row(*map(Text, row))
    console.print(table)


def _show(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else _printable(str(value))


def _printable(text: str) -> str:
    """The text with a placeholder for characters that would control the terminal."""
    return "".join(one if one.isprintable() else UNPRINTABLE for one in text)
