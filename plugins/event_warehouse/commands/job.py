"""The commands `run` and `sample`."""

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from event_warehouse.commands.ready import ready
from event_warehouse.errors import WarehouseError
from event_warehouse.settings import read_settings


@click.command()
@click.option(
    "--events",
    help="File, folder or address to load. Default: a built-in sample.",
)
@click.option("--feed", help="The feed that they belong to.")
@click.option(
    "--sample-events",
    type=click.IntRange(min=0),
    default=200_000,
    show_default=True,
    help="Events of the sample.",
)
@click.option(
    "--sample-seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The same seed gives the same sample.",
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
    help="With --watch: seconds between two looks; use 30 for a bucket.",
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
    from event_warehouse.main_job.run import run_main_job
    from event_warehouse.printing import report_console

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
    from event_warehouse.main_job.watch import stopped_by_signals, watch

    if events or feed:
        raise WarehouseError("--watch takes what lands; leave out --events and --feed")
    with stopped_by_signals() as stop:
        settings = ready()
        click.echo(f"Watching {settings.landing}/<feed>/; Ctrl-C ends it.")
        watch(settings, every=every, stop=stop)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--events",
    type=click.IntRange(100, 100_000),
    default=1_000,
    show_default=True,
    help="Events of each feed.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The same seed gives the same events.",
)
def sample(folder: Path, events: int, seed: int) -> None:
    """Write sample files of every feed to FOLDER."""
    from event_warehouse.sample.every_feed import last_hour, write_samples

    anchor = last_hour(datetime.now(UTC))
    written = write_samples(folder, events=events, seed=seed, anchor=anchor)
    click.echo(f"Wrote {sum(map(len, written.values()))} files. To load one feed:")
    for feed in written:
        path = shlex.quote(str(folder / feed))
        click.echo(f"  warehouse load {path} --feed {feed}")
    click.echo("To load all:")
    click.echo(f"  WAREHOUSE_LANDING={shlex.quote(str(folder))} warehouse load")
