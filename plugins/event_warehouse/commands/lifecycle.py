"""The commands `expire`, `forget`, `log`, `backup` and `restore`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from event_warehouse.commands.ready import DAY, asked_by, ready


@click.command()
@click.option("--events-before", type=DAY, help="Events before this month (UTC) go.")
@click.option("--raw-before", type=DAY, help="What arrived before this month goes.")
def expire(events_before: datetime | None, raw_before: datetime | None) -> None:
    """Take away whole months of events, and of records as they arrived.

    Without options, what is older than WAREHOUSE_KEEP_EVENT_MONTHS and
    WAREHOUSE_KEEP_RAW_MONTHS say. Facts, rollups and marts stay.
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
    help="Also an id of which nothing has come yet: whatever comes is not taken in.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
def forget(tenant: str, user: str, in_advance: bool, dry_run: bool) -> None:
    """Delete a user from every table, and print the receipt.

    What arrives of the user later is counted and not taken in, for ever; so an id of
    which nothing has ever come is refused. A deletion that was ended is completed by
    the same command.
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
    help="At most so many.",
)
def print_log(limit: int) -> None:
    """Say who had what rebuilt, expired, deleted or replayed, the newest first."""
    from event_warehouse.operations import print_operations
    from event_warehouse.report import report_console

    print_operations(ready(), report_console(), limit=limit)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write the warehouse into FILE, as of one moment, while it works on."""
    from event_warehouse.lifecycle.backup import back_up

    back_up(ready(), file)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Fill an empty warehouse from a backup FILE."""
    from event_warehouse.lifecycle.backup import restore

    restore(ready(), file)
