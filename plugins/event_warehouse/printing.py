"""Prints rows as tables, for people."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 136
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


def report_console() -> Console:
    """The console for reports; for a file or a pipe, wide enough for every table."""
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)


def print_query(
    console: Console, title: str, cursor: psycopg.Cursor[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Print a query's rows under its columns' names, and return them."""
    rows = cursor.fetchall()
    headings = [column.name for column in cursor.description or ()]
    print_table(console, title, headings, rows)
    return rows


def print_table(
    console: Console,
    title: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    """Print rows under their headings; nothing if there are none."""
    shown = [[_show(value) for value in row] for row in rows]
    if not shown:
        return
    # Text, not str, in which rich would read [bot], part of a name, as markup.
    # Printed apart, as a table's own title is wrapped at the width of its columns.
    console.print(Text(printable(title), "bold"), soft_wrap=True)
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
    return f"{value:,}" if isinstance(value, int) else printable(str(value))


def printable(text: str) -> str:
    """The text with a placeholder for characters that would control the terminal."""
    return "".join(one if one.isprintable() else UNPRINTABLE for one in text)
