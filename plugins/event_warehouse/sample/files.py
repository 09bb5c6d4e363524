"""How events arrive: once or twice, on time or late, in the file of their day."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
import pandas as pd

from event_warehouse.sample.lines import BROKEN, UNCASTABLE, Flaw, write_lines
from event_warehouse.sample.visits import (
    DAY_MS,
    MINUTE_MS,
    Array,
    Day,
    day_volume,
    visits,
)
from event_warehouse.sample.vocabulary import COUNTRIES, TENANTS

DAYS: Final = 14
EVENTS_PER_USER: Final = 40
MOST_LATE: Final = 6 * DAY_MS
MOST_REPEATED_AFTER: Final = 3 * DAY_MS

# What else happens to a picked event; a flaw affects the event or, if broken, a copy.
REPEATED: Final = -1
CORRECTED: Final = -2


def write_sample(
    folder: Path, *, events: int, seed: int = 1, anchor: datetime
) -> list[Path]:
    """One file for each of the 14 UTC days of arrival that end at the anchor.

    `events` counts the event lines, including those that can't be cast, before
    repeated (1 in 100), corrected (1 in 2,000) and broken lines (1 in 10,000) are
    added. Below 1,000 events nothing is corrected, broken or uncastable; with 0, files
    have only a header. About 1 in 50 is late, half of these by a file or more.
    All events happen and arrive before the anchor. The same arguments make the same
    bytes and the same file times: the end of the day, or the anchor.
    Needs memory for one day's events, about a fourteenth of all.
    Raises ValueError if `events` or `seed` is negative or the anchor has no offset.
    """
    if events < 0 or seed < 0:
        raise ValueError(f"events={events}, seed={seed}: neither may be negative")
    if anchor.utcoffset() is None:
        raise ValueError(f"anchor={anchor}: needs an offset from UTC")
    folder.mkdir(parents=True, exist_ok=True)
    days = _days(anchor.astimezone(UTC), events)
    files = _arrivals(np.random.default_rng(seed), days, events=events, seed=seed)
    return [_write_day(folder, day, rows) for day, rows in files]


def _days(anchor: datetime, events: int) -> list[Day]:
    until = (anchor - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    midnight = (until - 1) // DAY_MS * DAY_MS
    starts = [midnight - back * DAY_MS for back in reversed(range(DAYS))]
    ends = [*starts[1:], until]
    volumes = [day_volume(*span) for span in zip(starts, ends, strict=True)]
    reached = np.cumsum(volumes) / sum(volumes)
    lasts = [*np.rint(reached[:-1] * events).astype(int).tolist(), events]
    return [
        Day(start=start, end=end, first=first, count=last - first)
        for start, end, first, last in zip(
            starts, ends, [0, *lasts[:-1]], lasts, strict=True
        )
    ]


def _arrivals(
    rng: np.random.Generator, days: list[Day], *, events: int, seed: int
) -> Iterator[tuple[Day, pd.DataFrame]]:
    """Each day with the events that arrive on it, in the order of arrival."""
    until = days[-1].end
    shares = np.array(list(TENANTS.values()))
    users = np.maximum((shares * events / EVENTS_PER_USER).astype(np.int64), 3)
    picked, fates = _picks(rng, events)
    waiting: list[pd.DataFrame] = []
    for day in days:
        made = visits(rng, day, until=until, users_per_tenant=users, seed=seed)
        made["arrival"] = _arrival_times(rng, made, until=until)
        today = slice(*np.searchsorted(picked, [day.first, day.first + day.count]))
        places, fate = picked[today] - day.first, fates[today]
        made["flaw"] = _uncastable(len(made), places, fate)
        copies = _copies(rng, made, places, fate, until=until)
        rows = pd.concat([*waiting, made, copies], ignore_index=True)
        is_due = rows["arrival"] < day.end
        waiting = [rows[~is_due]]
        yield day, rows[is_due].sort_values("arrival", kind="stable")


def _picks(rng: np.random.Generator, events: int) -> tuple[Array, Array]:
    """The numbers of the events with another fate, ascending, and their fates."""
    fates = [REPEATED] * (events // 100)
    if events >= 1000:
        fates += [CORRECTED] * max(events // 2_000, 1)
        fates += _in_turn(BROKEN, events // 10_000)
        fates += _in_turn(list(UNCASTABLE), events // 2_000)
    picked: Any = rng.choice(events, size=len(fates), replace=False) if fates else []
    order = np.argsort(picked)
    return np.array(picked, np.int64)[order], np.array(fates, np.int8)[order]


def _in_turn(flaws: list[Flaw], count: int) -> list[int]:
    return [flaws[n % len(flaws)].value for n in range(max(count, len(flaws)))]


def _arrival_times(
    rng: np.random.Generator, events: pd.DataFrame, *, until: int
) -> Array:
    times: Array = events["time"].to_numpy()
    usual = (rng.random(len(times)) * 5_000).astype(np.int64)
    late = _delays(rng, until - times, least=5 * MINUTE_MS, most=MOST_LATE, power=3)
    is_late = rng.random(len(times)) < 0.02
    arrivals: Array = times + np.where(is_late, late, usual)
    return np.minimum(arrivals, until - 1)


def _uncastable(count: int, picked: Array, fates: Array) -> Array:
    flaws = np.full(count, Flaw.NONE, dtype=np.int8)
    is_uncastable = np.isin(fates, list(UNCASTABLE))
    flaws[picked[is_uncastable]] = fates[is_uncastable]
    return flaws


def _copies(
    rng: np.random.Generator,
    events: pd.DataFrame,
    picked: Array,
    fates: Array,
    *,
    until: int,
) -> pd.DataFrame:
    """The lines that are added: repeated, corrected (in the country) and broken."""
    is_copied = ~np.isin(fates, list(UNCASTABLE))
    picked, fates = picked[is_copied], fates[is_copied]
    copies = events.iloc[picked].copy()
    copies["flaw"] = np.maximum(fates, Flaw.NONE).astype(np.int8)
    other = (copies["country"].to_numpy() + 1) % len(COUNTRIES)
    copies["country"] = np.where(fates == CORRECTED, other, copies["country"])
    room = until - 1 - copies["arrival"].to_numpy()
    after = _delays(rng, room, least=0, most=MOST_REPEATED_AFTER, power=6)
    copies["arrival"] = copies["arrival"] + after
    return copies


def _delays(
    rng: np.random.Generator, room: Array, *, least: int, most: int, power: int
) -> Array:
    """From `least` to the smaller of `most` and `room`; a higher `power` makes more of
    them short.
    """
    draws = rng.random(len(room))
    shaped = np.prod([draws] * power, axis=0)
    span = np.maximum(np.minimum(room, most) - least, 0)
    return np.where(room > least, least + (shaped * span).astype(np.int64), 0)


def _write_day(folder: Path, day: Day, events: pd.DataFrame) -> Path:
    began = datetime.fromtimestamp(day.start / 1000, tz=UTC)
    path = folder / f"customer_events-{began:%Y-%m-%d}.csv"
    _write_atomically(path, partial(write_lines, events=events), mtime_ms=day.end)
    return path


def _write_atomically(
    path: Path, write: Callable[[TextIO], None], *, mtime_ms: int
) -> None:
    # No ".csv" in the name, which a feed's pattern would match.
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.part")
    try:
        with unfinished.open(
            "w", encoding="utf-8", errors="surrogateescape", newline=""
        ) as file:
            write(file)
        os.utime(unfinished, ns=(mtime_ms * 1_000_000, mtime_ms * 1_000_000))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
