"""The commands `expire`, `forget`, `log`, `backup` and `restore`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from event_warehouse.commands.ready import DAY, asked_by, ready


@click.command()
@click.option(
    "--events-before",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="Drop events before this month (UTC).",
)
@click.option(
    "--raw-before",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="Drop what arrived before this month.",
)
def expire(events_before: datetime | None, raw_before: datetime | None) -> None:
    """Drop whole months of events and of raw records.

    Without options, those that WAREHOUSE_KEEP_EVENT_MONTHS and
    WAREHOUSE_KEEP_RAW_MONTHS no longer keep. Facts, rollups and marts stay.
    """
    from event_warehouse.lifecycle.expire import expire, horizons_of

    settings = ready()
    if events_before is None and raw_before is None:
        horizons = horizons_of(settings, datetime.now(UTC).date())
    else:
        horizons = (
            events_before and events_before.date(),
            raw_before and raw_before.date(),
        )
    expired = expire(
        settings,
        events_before=horizons[0],
        raw_before=horizons[1],
        requested_by=asked_by("expire"),
    )
    for one in expired:
        click.echo(f"{one.row_count:,} rows of {one.table_name} have expired")
    if not expired:
        click.echo("there was nothing to take")
    if horizons[0] is not None:
        click.echo("events of before then that come later are rejected as expired")


@click.command()
@click.option("--tenant", required=True, help="Whose user.")
@click.option("--user", required=True, help="The user's id, as events have it.")
@click.option(
    "--in-advance",
    is_flag=True,
    help="Also block an id that has never occurred.",
)
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing.")
def forget(tenant: str, user: str, in_advance: bool, dry_run: bool) -> None:
    """Delete a user from every table, and print the receipt.

    Whatever arrives for this user later is counted as deleted and not stored. As that
    is permanent, an id that has never occurred is refused. If a deletion was
    interrupted, the same command completes it.
    """
    from event_warehouse.lifecycle.forget import forget

    receipt = forget(
        ready(),
        tenant_id=tenant,
        user_id=user,
        requested_by=asked_by("forget"),
        in_advance=in_advance,
        is_dry_run=dry_run,
    )
    click.echo(json.dumps({**receipt.content, "files": receipt.files}, indent=2))


@click.command("log")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many operations to show.",
)
def print_log(limit: int) -> None:
    """Show who rebuilt, expired, deleted or replayed what."""
    from event_warehouse.printing import report_console
    from event_warehouse.reports.operations import print_operations

    print_operations(ready(), report_console(), limit=limit)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write the warehouse as of one moment to FILE."""
    from event_warehouse.lifecycle.backup import back_up

    back_up(ready(), file)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Fill an empty warehouse from a backup FILE."""
    from event_warehouse.lifecycle.backup import restore

    restore(ready(), file)
