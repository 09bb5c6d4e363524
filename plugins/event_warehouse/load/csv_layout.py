"""Where the columns of a CSV file go, by its header."""

import csv
from dataclasses import dataclass
from operator import itemgetter

from event_warehouse.errors import FileError
from event_warehouse.feeds import EventField, Feed


@dataclass(frozen=True)
class Layout:
    """Where each column of the input goes."""

    delimiter: str
    column_count: int
    fields: tuple[tuple[EventField, int], ...]
    """The event fields that the input has, each with its column's position."""
    attributes: tuple[tuple[str, int], ...]
    """The other columns' names and positions."""
    constants: tuple[tuple[EventField, str], ...]

    @property
    def passes_through(self) -> bool:
        """True if each input column is an event field: a line is a row as it is."""
        is_one_to_one = len(self.fields) == self.column_count and not self.attributes
        return is_one_to_one and self.delimiter == ","

    @property
    def attributes_stand_last(self) -> bool:
        """True if what comes before the attributes is a row's event fields already."""
        positions = [position for _, position in (*self.fields, *self.attributes)]
        return bool(self.fields) and positions == list(range(self.column_count))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `raw.events_raw`, in the order of the rows made here."""
        return (
            "load_id",
            "line_number",
            *(field for field, _ in self.constants),
            *(field for field, _ in self.fields),
            *(("attributes",) if self.attributes else ()),
        )


def lay_out(header: bytes, feed: Feed) -> Layout:
    """Where the header's columns go; raises FileError if it is not this feed's."""
    try:
        text = header.decode("utf-8").rstrip("\r")
        names = next(csv.reader([text], delimiter=feed.delimiter, strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"line 1 is no CSV header: {error}") from error
    names = [name.strip() for name in names]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FileError(
            f"line 1, the header, names {', '.join(map(repr, twice))} twice"
        )
    if feed.event_time_source not in (None, *names):
        raise FileError(
            f"line 1, the header, has no column {feed.event_time_source!r}, the event "
            f"time of feed {feed.name}; it has {', '.join(map(repr, names[:20]))}"
        )
    positions = {name: position for position, name in enumerate(names)}
    fields = [
        (field, positions[source])
        for field, source in feed.sources.items()
        if source in positions
    ]
    taken = {position for _, position in fields}
    return Layout(
        delimiter=feed.delimiter,
        column_count=len(names),
        fields=tuple(sorted(fields, key=itemgetter(1))),
        attributes=tuple((n, i) for n, i in positions.items() if i not in taken),
        constants=tuple(feed.constants.items()),
    )
