"""A sample of every feed: folders like those that files land in, small and lifelike."""

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from event_warehouse.sample.app_feed import app_events
from event_warehouse.sample.csv_feeds import clickstream, customer_events
from event_warehouse.sample.json_line_feeds import api_events, gharchive, tracked_events
from event_warehouse.sample.product_feeds import product_updates, products
from event_warehouse.sample.scene import SampleFile, Scene

FEEDS: Final[dict[str, Callable[[Scene], list[SampleFile]]]] = {
    make.__name__: make
    for make in (
        customer_events,
        product_updates,
        products,
        app_events,
        api_events,
        tracked_events,
        clickstream,
        gharchive,
    )
}
FEWEST_EVENTS: Final = 100
MOST_EVENTS: Final = 100_000


def write_samples(
    folder: Path, *, events: int = 1_000, seed: int = 1, anchor: datetime
) -> dict[str, list[Path]]:
    """The files of every feed, each feed's in a folder of its name.

    Each feed has `events` events, one in fifty of them twice, and in addition three
    records that can't be read and three that can't be cast. `clickstream` can't detect
    repeats and has none. `products`, whatever `events` is, has 50 products, and then 24
    of them in a newer version, 5 unchanged and one in an older version.
    All events happen and arrive before the anchor, which is the last files' time. The
    same arguments make the same bytes and times.
    Raises ValueError if there are fewer than 100 events or more than 100,000, the seed
    is negative or the anchor has no offset, and FileExistsError, before anything is
    written, if a feed's folder exists already.
    """
    if not FEWEST_EVENTS <= events <= MOST_EVENTS or seed < 0:
        limits = f"needs {FEWEST_EVENTS} to {MOST_EVENTS} events, no negative seed"
        raise ValueError(f"events={events}, seed={seed}: {limits}")
    if anchor.utcoffset() is None:
        raise ValueError(f"anchor={anchor}: needs an offset from UTC")
    for feed in FEEDS:
        if (folder / feed).exists():
            reason = "is there already; name another folder, or remove it"
            raise FileExistsError(errno.EEXIST, reason, str(folder / feed))
    anchor = anchor.astimezone(UTC)
    return {
        feed: [
            _write(folder / feed, file)
            for file in make(Scene(Random(f"{feed} {seed}"), events, anchor))
        ]
        for feed, make in FEEDS.items()
    }


def last_hour(now: datetime) -> datetime:
    """The end of an hour, long enough ago that its files look complete."""
    settled = now - timedelta(minutes=1)
    return settled.replace(minute=0, second=0, microsecond=0)


def _write(folder: Path, file: SampleFile) -> Path:
    path = folder / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hidden from feeds until it is complete.
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_bytes(file.content)
    os.utime(unfinished, (file.changed.timestamp(), file.changed.timestamp()))
    unfinished.replace(path)
    return path
