"""Reads the time of an event in the forms that clients send."""

from datetime import UTC, datetime, timedelta

from event_warehouse.moments import read_moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(hours=1)
"""How far a client's clock may be ahead; also the default of feeds."""


class TimeFault(ValueError):
    """is not a valid time"""


def read_time(written: str | float, *, now: datetime) -> str:
    """The time in ISO 8601: as written, or converted from milliseconds since 1970.

    Expects a value that the schema has accepted. Raises TimeFault with the reason if
    there is no such time, or if it is before 1970 or more than an hour after `now`.
    """
    if isinstance(written, str) and not written.isdecimal():
        text, time = written, _read_iso(written)
    else:
        time = EPOCH + timedelta(milliseconds=float(written))
        precision = "microseconds" if time.microsecond % 1000 else "milliseconds"
        text = time.replace(tzinfo=None).isoformat(timespec=precision) + "Z"
    if time < EPOCH:
        raise TimeFault("is before 1970")
    if time > now + LATEST_AHEAD:
        raise TimeFault("is more than an hour from now")
    return text


def _read_iso(written: str) -> datetime:
    try:
        return read_moment(written)
    except ValueError as error:
        raise TimeFault(TimeFault.__doc__) from error
