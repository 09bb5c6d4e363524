"""Parses moments as people and programs write them."""

from datetime import UTC, datetime


def read_moment(text: str) -> datetime:
    """A date or time in ISO 8601, converted to UTC; without an offset it is in UTC.

    Raises ValueError if there is no such time, or if the offset moves it out of the
    years 1 to 9999.
    """
    try:
        return in_utc(datetime.fromisoformat(text))
    except OverflowError as error:
        raise ValueError("is outside the years 1 to 9999") from error


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC; one without a time zone is already in UTC.

    Raises OverflowError if that is outside the years 1 to 9999.
    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
