"""The commands `transform`, `rebuild` and `verify`."""

import sys
from datetime import datetime

import click

from event_warehouse.commands.ready import DAY, asked_by, ready
from event_warehouse.errors import WarehouseError


@click.command()
@click.option("--full-refresh", is_flag=True, help="Rebuild every model from raw.")
def transform(full_refresh: bool) -> None:
    """Bring events, facts, rollups and marts up to date with raw."""
    from event_warehouse.transform.run import transform

    transform(ready(), full_refresh=full_refresh)


@click.command()
@click.option(
    "--start", type=DAY, metavar="YYYY-MM-DD", required=True, help="First day (UTC)."
)
@click.option(
    "--end",
    type=DAY,
    metavar="YYYY-MM-DD",
    required=True,
    help="The day after the last one.",
)
@click.option("--tenant", help="Only this tenant. Default: all.")
def rebuild(start: datetime, end: datetime, tenant: str | None) -> None:
    """Recompute days of facts, rollups and marts from their events.

    Repairs what was changed or deleted by hand; rows that are right are not written.
    """
    from event_warehouse.transform.rebuild import rebuild

    if start >= end:
        raise WarehouseError(f"--end {end:%Y-%m-%d} is not after --start")
    rebuild(
        ready(),
        [(start.date(), end.date())],
        tenant_id=tenant,
        requested_by=asked_by("rebuild"),
    )


@click.command()
def verify() -> None:
    """Prove that every record is accounted for; exit code 1 if not."""
    from event_warehouse.printing import report_console
    from event_warehouse.reports.accounting import verify
    from event_warehouse.reports.printed import print_accounting

    accounting = verify(ready())
    print_accounting(accounting, report_console())
    sys.exit(0 if accounting.is_balanced else 1)
