"""Prints the accounting and the dashboards as tables."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from rich.console import Console
from rich.text import Text

from event_warehouse.database import Role, connect, load_statements
from event_warehouse.printing import print_query, print_table, printable
from event_warehouse.reports.accounting import Accounting, LoadAccount
from event_warehouse.settings import Settings

STATEMENTS = load_statements("event_warehouse.reports", "dashboards")
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
    print_table(console, "Accounting: where every record is", headings, feeds)
    layers = [(one.model, one.event_count, one.expected) for one in accounting.layers]
    print_table(console, "Facts and rollups", ["model", "events", "expected"], layers)
    removed = [(one.table_name, one.expired, one.deleted) for one in accounting.removed]
    gone = ["of these, gone from", "expired", "deleted"]
    print_table(console, "Expired and deleted", gone, removed)
    for problem in accounting.problems:
        line = Text.assemble(("✗ ", "red"), printable(problem))
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
