"""The window of a run, `[start, end)` in UTC; resolved only here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from event_warehouse.errors import WindowError
from event_warehouse.moments import in_utc, read_moment

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """Start inclusive, end exclusive, both in UTC."""

    start: datetime
    end: datetime


def resolve_window(
    *,
    params: Mapping[str, object],
    partition_date: datetime | None = None,
    interval: tuple[datetime | None, datetime | None] = (None, None),
) -> Window:
    """The window a person asked for, else the partition's day, else the data interval.

    The parameters `start` and `end` are dates or times in ISO 8601, in UTC unless they
    have an offset; an end that is a date is exclusive, too. Raises WindowError if there
    is no window: a bare cron gives an empty interval and an asset none, and silently
    loading nothing would be worse.
    """
    start, end = params.get("start"), params.get("end")
    if start or end:
        return _window(_moment("start", start), _moment("end", end))
    if partition_date is not None:
        first = in_utc(partition_date)
        return _window(first, first + DAY)
    if None not in interval and interval[0] != interval[1]:
        first, after = (in_utc(moment) for moment in interval if moment)
        return _window(first, after)
    raise WindowError(
        "the run has neither the parameters start and end, nor a partition's date, nor "
        "a data interval; trigger it with start and end, such as 2026-11-01 and "
        "2026-11-08"
    )


def days_of(window: Window) -> tuple[date, date]:
    """The first day that the window touches, and the day after the last one."""
    return window.start.date(), (window.end - timedelta.resolution).date() + DAY


def _window(start: datetime, end: datetime) -> Window:
    if start >= end:
        raise WindowError(f"the window ends at {end}, not after its start, {start}")
    return Window(start, end)


def _moment(name: str, text: object) -> datetime:
    if not text:
        raise WindowError(f"{name} is missing; give start and end together")
    try:
        return read_moment(str(text))
    except ValueError as error:
        raise WindowError(
            f"{name} is {text!r}; it must be a date or time such as 2026-11-01 or "
            "2026-11-01T06:00:00"
        ) from error
