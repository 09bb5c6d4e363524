"""What can go wrong, in words for the person who has to correct it.

A class's docstring is its default message.
"""


class WarehouseError(Exception):
    """The warehouse can't do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        # libpq, dbt and Postgres's programs report errors in several lines; a command
        # and a task end with one.
        lines = (message or self.__doc__ or "").splitlines()
        super().__init__(" ".join(filter(None, map(str.strip, lines))))


class SettingError(WarehouseError):
    """A setting has a value that can't be used."""


class FeedError(WarehouseError):
    """A feed is declared wrongly or not at all."""


class WindowError(WarehouseError):
    """A run is for no window of time, or for one that can't be."""


class FileError(WarehouseError):
    """A file can't be loaded as the feed that was asked for."""


class DatabaseError(WarehouseError):
    """Postgres refused a statement or can't be reached."""


class TransformError(WarehouseError):
    """dbt ended with an error."""


class ExpiredError(TransformError):
    """Events of the days that were asked for have expired."""


class UserError(WarehouseError):
    """There is no such user."""


class ServiceError(WarehouseError):
    """A program that the warehouse runs did not do its part."""
