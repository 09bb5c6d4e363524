"""Moments as people and programs write them."""

from datetime import UTC, datetime


def read_moment(text: str) -> datetime:
    """A date or time in ISO 8601, in UTC, which it is in if it names no offset.

    Raises ValueError if there is no such time, or an offset leads out of the years 1 to
    9999.
    """
    try:
        return in_utc(datetime.fromisoformat(text))
    except OverflowError as error:
        raise ValueError("is outside the years 1 to 9999") from error


def in_utc(moment: datetime) -> datetime:
    """The same moment; one without a time zone is taken to be in UTC.

    Raises OverflowError where that leads out of the years 1 to 9999.
    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
