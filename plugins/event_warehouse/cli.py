"""The command `warehouse`: each subcommand is one call of what the DAGs call too."""

import getpass
import json
import logging
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from event_warehouse.access.commands import keys, roles, watchdog
from event_warehouse.errors import WarehouseError
from event_warehouse.settings import Settings, read_settings
from event_warehouse.setup import ensure_warehouse

if TYPE_CHECKING:
    from event_warehouse.load.find import Window

MOMENT = click.DateTime(["%Y-%m-%dT%H", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
DAY = click.DateTime(["%Y-%m-%d"])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Event files in; typed events, facts, rollups and marts out."""


def main() -> None:
    """Entry of the console script; errors end in one line and exit code 1."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("event_warehouse")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    # dbt gives the root logger a handler of its own.
    logger.propagate = False
    try:
        cli(prog_name="warehouse")
    except (WarehouseError, OSError) as error:
        reason = _reason(error) if isinstance(error, OSError) else error
        click.secho(f"warehouse: {reason}", fg="red", err=True)
        sys.exit(1)


def _reason(error: OSError) -> str:
    """What the operating system refused, with the file or folder if it is about one."""
    parts = (error.filename, error.strerror)
    return ": ".join(str(part) for part in parts if part) or str(error)


@cli.command()
@click.option("--events", help="File or folder to load; without it a built-in sample.")
@click.option("--feed", help="The feed that the events are of.")
@click.option(
    "--sample-events",
    type=click.IntRange(min=0),
    default=200_000,
    show_default=True,
    help="Its size.",
)
@click.option(
    "--sample-seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Same seed, same sample.",
)
@click.option(
    "--watch",
    is_flag=True,
    help="Keep loading and transforming what lands, without Airflow, until stopped.",
)
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    help="Seconds between two looks, with --watch; for a bucket better 30.",
)
def run(
    events: str | None,
    feed: str | None,
    sample_events: int,
    sample_seed: int,
    watch: bool,
    every: float,
) -> None:
    """Run the whole job once: load, transform, verify, show."""
    from event_warehouse.main_job import run_main_job
    from event_warehouse.report import report_console

    if watch:
        _watch(events, feed, every)
        return
    is_well = run_main_job(
        read_settings(),
        report_console(),
        source=events or None,
        feed=feed or None,
        sample_events=sample_events,
        sample_seed=sample_seed,
    )
    sys.exit(0 if is_well else 1)


def _watch(events: str | None, feed: str | None, every: float) -> None:
    from event_warehouse.watch import stopped_by_signals, watch

    if events or feed:
        raise WarehouseError("--watch takes what lands; leave out --events and --feed")
    with stopped_by_signals() as stop:
        settings = _ready()
        click.echo(f"Watching {settings.landing}/<feed>/; Ctrl-C ends it.")
        watch(settings, every=every, stop=stop)


@cli.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--events",
    type=click.IntRange(100, 100_000),
    default=1_000,
    show_default=True,
    help="Of each feed.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Same seed, same events.",
)
def sample(folder: Path, events: int, seed: int) -> None:
    """Write a small sample of every feed into FOLDER, and say how to load it."""
    from event_warehouse.sample.every_feed import last_hour, write_samples

    anchor = last_hour(datetime.now(UTC))
    written = write_samples(folder, events=events, seed=seed, anchor=anchor)
    click.echo(f"Wrote {sum(map(len, written.values()))} files. To load one feed:")
    for feed in written:
        path = shlex.quote(str(folder / feed))
        click.echo(f"  warehouse load {path} --feed {feed}")
    click.echo("To load all:")
    click.echo(f"  WAREHOUSE_LANDING={shlex.quote(str(folder))} warehouse load")


@cli.command()
@click.argument("source", required=False)
@click.option("--feed", help="The feed that the files are of.")
@click.option(
    "--start",
    type=MOMENT,
    help="First hour (UTC) of what is wanted; with it, feeds with a URL are fetched.",
)
@click.option("--end", type=MOMENT, help="The hour after the last.")
def load(
    source: str | None, feed: str | None, start: datetime | None, end: datetime | None
) -> None:
    """Load SOURCE, or what has landed, into raw.

    SOURCE is a file, a folder, s3://bucket/prefix or a web address.
    """
    from event_warehouse.load.files import load_new_files

    summary = load_new_files(
        _ready(), source=source, feed=feed, window=_window(source, start, end)
    )
    if summary.failed:
        raise WarehouseError(
            f"{summary.failed} files were not loaded; the lines above say why"
        )


def _window(
    source: str | None, start: datetime | None, end: datetime | None
) -> "Window | None":
    from event_warehouse.load.find import Window

    if start is None and end is None:
        return None
    if start is None or end is None or source is not None:
        raise WarehouseError("give --start and --end together, and no SOURCE with them")
    if start >= end:
        raise WarehouseError(f"--end {end:%Y-%m-%dT%H} is not after --start")
    return Window(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))


@cli.command()
@click.option("--feed", help="The feed that is replayed; without it, all.")
@click.option(
    "--all",
    "all_of_them",
    is_flag=True,
    help="Also events whose feed's declaration is as it was, as after an upgrade.",
)
def replay(feed: str | None, all_of_them: bool) -> None:
    """Take in what was rejected, after a feed's declaration was mended.

    Rejected lines are read again now; rejected events are cast again by the next
    transform.
    """
    from event_warehouse.load.replay import replay_rejected_lines
    from event_warehouse.recast import recast_rejected_events

    settings, asked_by = _ready(), _asked_by("replay")
    replay_rejected_lines(settings, feed=feed, requested_by=asked_by)
    recast_rejected_events(
        settings, feed=feed, all_of_them=all_of_them, requested_by=asked_by
    )


@cli.command()
@click.option("--full-refresh", is_flag=True, help="Make every model anew from raw.")
def transform(full_refresh: bool) -> None:
    """Bring events, facts, rollups and marts up to date with raw."""
    from event_warehouse.transform import transform

    transform(_ready(), full_refresh=full_refresh)


@cli.command()
@click.option("--start", type=DAY, required=True, help="First day (UTC).")
@click.option("--end", type=DAY, required=True, help="The day after the last.")
@click.option("--tenant", help="Whose; without it, every tenant's.")
def rebuild(start: datetime, end: datetime, tenant: str | None) -> None:
    """Make facts, rollups and marts of some days anew from their events.

    Puts right what was changed or deleted by hand; rows that are right are not written.
    """
    from event_warehouse.rebuild import rebuild

    if start >= end:
        raise WarehouseError(f"--end {end:%Y-%m-%d} is not after --start")
    rebuild(
        _ready(),
        [(start.date(), end.date())],
        tenant_id=tenant,
        requested_by=_asked_by("rebuild"),
    )


@cli.command()
@click.option("--events-before", type=DAY, help="Events before this month (UTC) go.")
@click.option("--raw-before", type=DAY, help="What arrived before this month goes.")
def expire(events_before: datetime | None, raw_before: datetime | None) -> None:
    """Take away whole months of events, and of records as they arrived.

    Without options, what is older than WAREHOUSE_KEEP_EVENT_MONTHS and
    WAREHOUSE_KEEP_RAW_MONTHS say. Facts, rollups and marts stay.
    """
    from event_warehouse.lifecycle.expire import expire, horizons_of

    settings = _ready()
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
        requested_by=_asked_by("expire"),
    )
    for one in expired:
        click.echo(f"{one.row_count:,} rows of {one.table_name} have expired")
    if not expired:
        click.echo("nothing has expired")


@cli.command()
@click.option("--tenant", required=True, help="Whose user.")
@click.option("--user", required=True, help="The user's id, as events have it.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
def forget(tenant: str, user: str, dry_run: bool) -> None:
    """Delete a user from every table, and print the receipt.

    What arrives of the user later is counted and not taken in. A deletion that was
    ended is completed by the same command.
    """
    from event_warehouse.lifecycle.forget import forget

    receipt = forget(
        _ready(),
        tenant_id=tenant,
        user_id=user,
        requested_by=_asked_by("forget"),
        is_dry_run=dry_run,
    )
    click.echo(json.dumps({**receipt.content, "files": receipt.files}, indent=2))


@cli.command("log")
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

    print_operations(_ready(), report_console(), limit=limit)


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write the warehouse into FILE, as of one moment, while it works on."""
    from event_warehouse.lifecycle.backup import back_up

    back_up(_ready(), file)


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Fill an empty warehouse from a backup FILE."""
    from event_warehouse.lifecycle.backup import restore

    restore(_ready(), file)


@cli.command()
def verify() -> None:
    """Prove that every record is accounted for; exit code 1 if one is not."""
    from event_warehouse.accounting import verify
    from event_warehouse.report import print_accounting, report_console

    accounting = verify(_ready())
    print_accounting(accounting, report_console())
    sys.exit(0 if accounting.is_balanced else 1)


@cli.command()
@click.argument("load_id", type=int)
def dismiss(load_id: int) -> None:
    """Say that a failed file need not be loaded, so that verify passes again."""
    from event_warehouse.load.files import dismiss_failed

    click.echo(f"dismissed {dismiss_failed(_ready(), load_id)}")


@cli.command()
def status() -> None:
    """Say what runs, and what each feed has had."""
    from event_warehouse.report import report_console
    from event_warehouse.status import print_status

    print_status(read_settings(), report_console())


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="0 takes a free one. Default: WAREHOUSE_API_PORT.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Server processes.",
)
def serve(host: str, port: int | None, workers: int) -> None:
    """Take events and answer questions over HTTP until stopped."""
    from event_warehouse.api.serve import serve

    settings = read_settings()
    serve(
        settings,
        host,
        settings.api_port if port is None else port,
        workers,
        tenant=settings.api_tenant,
    )


cli.add_command(keys)
cli.add_command(roles)
cli.add_command(watchdog)


@cli.command()
def up() -> None:
    """Start Airflow, the service and the embedded Postgres; they stay until `down`."""
    from event_warehouse import airflow_services, api_service
    from event_warehouse.access.local_key import ensure_local_key

    settings = _ready()
    key = ensure_local_key(settings)
    is_new = api_service.start(settings)
    started = airflow_services.start(settings)
    sign_in = airflow_services.how_to_sign_in(settings)
    click.echo("The service is up." if is_new else "The service runs already.")
    click.echo(f"  API       {api_service.url(settings)}")
    click.echo(f"  key       {key}")
    click.echo("Airflow is up." if started else "Airflow runs already.")
    click.echo(f"  UI        {sign_in.url}")
    click.echo(f"  sign in   {sign_in.user} / {sign_in.password}")
    click.echo(f"  landing   {settings.landing}/<feed>/  (loaded every 5 minutes)")
    click.echo("  stop      make down")


@cli.command()
def down() -> None:
    """Stop whatever the warehouse runs; data stays."""
    from event_warehouse import airflow_services, api_service, embedded

    settings = read_settings()
    # Before Postgres, which may be what its requests are waiting for.
    api_service.stop(settings)
    airflow_services.stop(settings)
    embedded.stop(settings)
    click.echo("Nothing of the warehouse runs any more; its data stays.")


@cli.command()
def dsn() -> None:
    """Print the warehouse's connection string, starting the embedded Postgres."""
    click.echo(_ready().dsn)


@cli.command()
def migrate() -> None:
    """Bring the warehouse to this version of its schema."""
    _ready()


def _asked_by(command: str) -> str | None:
    """The machine's user, and the command; None where the user has no name."""
    try:
        return f"{getpass.getuser()}, warehouse {command}"
    except (KeyError, OSError):
        return None


def _ready() -> Settings:
    settings = read_settings()
    ensure_warehouse(settings)
    return settings
