"""The commands `load`, `replay` and `dismiss`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from event_warehouse.commands.ready import asked_by, ready
from event_warehouse.errors import WarehouseError
from event_warehouse.wording import things

if TYPE_CHECKING:
    from event_warehouse.window import Window

MOMENT = click.DateTime(["%Y-%m-%dT%H", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
LIKE = "YYYY-MM-DD[THH]"


@click.command()
@click.argument("source", required=False)
@click.option("--feed", help="The feed that the files belong to.")
@click.option(
    "--start",
    type=MOMENT,
    metavar=LIKE,
    help="First hour (UTC) to load; feeds with a URL are then fetched, too.",
)
@click.option("--end", type=MOMENT, metavar=LIKE, help="The hour after the last one.")
def load(
    source: str | None, feed: str | None, start: datetime | None, end: datetime | None
) -> None:
    """Load SOURCE, or everything that has landed, into raw.

    SOURCE is a file, a folder, s3://bucket/prefix or a web address.
    """
    from event_warehouse.load.files import load_new_files

    summary = load_new_files(
        ready(), source=source, feed=feed, window=_window(source, start, end)
    )
    if summary.failed:
        raise WarehouseError(
            f"{things(summary.failed, 'file')} could not be loaded; "
            "the lines above say why"
        )


def _window(
    source: str | None, start: datetime | None, end: datetime | None
) -> "Window | None":
    from event_warehouse.window import Window

    if start is None and end is None:
        return None
    if start is None or end is None or source is not None:
        raise WarehouseError("give --start and --end together, and no SOURCE with them")
    if start >= end:
        raise WarehouseError(f"--end {end:%Y-%m-%dT%H} is not after --start")
    return Window(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))


@click.command()
@click.option("--feed", help="Only this feed. Default: all.")
@click.option(
    "--all",
    "all_of_them",
    is_flag=True,
    help="Also feeds whose declaration has not changed, as after an upgrade.",
)
def replay(feed: str | None, all_of_them: bool) -> None:
    """Process rejected records again, after a feed was corrected.

    Rejected lines are read again now; rejected events are cast again by the next
    transform.
    """
    from event_warehouse.load.replay import replay_rejected_lines
    from event_warehouse.transform.recast import recast_rejected_events

    settings, who = ready(), asked_by("replay")
    replay_rejected_lines(settings, feed=feed, requested_by=who)
    recast_rejected_events(
        settings, feed=feed, all_of_them=all_of_them, requested_by=who
    )


@click.command()
@click.argument("load_id", type=int)
def dismiss(load_id: int) -> None:
    """Give up on the failed file LOAD_ID, so that verify passes."""
    from event_warehouse.load.files import dismiss_failed

    click.echo(f"dismissed {dismiss_failed(ready(), load_id)}")
