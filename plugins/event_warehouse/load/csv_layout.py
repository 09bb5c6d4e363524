"""Maps the columns of a CSV file to event fields and attributes, by its header."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

from event_warehouse.errors import FileError
from event_warehouse.feeds import EventField, Feed
from event_warehouse.load.records import NUL, Drift, report_names


@dataclass(frozen=True)
class Source:
    """The columns that make up one event field; usually just one."""

    field: EventField
    positions: tuple[int, ...]
    separator: str = ""


@dataclass(frozen=True)
class CsvLayout:
    """Where each column of the input goes."""

    delimiter: str
    column_count: int
    fields: tuple[Source, ...]
    """The event fields that the input has, in the order of their columns."""
    attributes: tuple[tuple[str, int], ...]
    """The other columns' names and positions."""
    json_attributes: tuple[int, ...]
    """The positions of the attributes declared as JSON."""
    constants: tuple[tuple[EventField, str], ...]
    strips_nul: bool

    @property
    def joins(self) -> bool:
        """True if an event field is made of several columns."""
        return any(len(source.positions) > 1 for source in self.fields)

    @property
    def passes_through(self) -> bool:
        """True if each column is an event field, so a line is a row as it stands."""
        is_one_to_one = len(self.fields) == self.column_count and not self.attributes
        return is_one_to_one and not self.joins and self.delimiter == ","

    @property
    def attributes_stand_last(self) -> bool:
        """True if a line has the event fields first, then all the attributes.

        The line up to the first attribute can then go into the row as it is.
        """
        fields = [source.positions for source in self.fields]
        positions = [*chain(*fields), *(position for _, position in self.attributes)]
        is_in_order = positions == list(range(self.column_count))
        return bool(fields) and is_in_order and not self.joins

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `raw.events_raw`, in the order of the rows."""
        return (
            "load_id",
            "line_number",
            *(field for field, _ in self.constants),
            *(source.field for source in self.fields),
            *(("attributes",) if self.attributes else ()),
        )


def read_names(header: bytes, feed: Feed) -> list[str]:
    """The column names; raises FileError if this can't be the feed's header.

    The error quotes only names that the feed knows: in a file without a header the
    first line is data, which must not get into a log.
    """
    if feed.strip_nul:
        header = header.replace(NUL, b"")
    try:
        text = header.decode("utf-8").rstrip("\r")
        names = next(csv.reader([text], delimiter=feed.delimiter, strict=True), [])
    except UnicodeDecodeError as error:
        raise FileError("line 1 is not a CSV header: it is not UTF-8") from error
    except csv.Error as error:
        raise FileError(f"line 1 is not a CSV header: {error}") from error
    if NUL in header:
        raise FileError("line 1, the header, holds a NUL byte")
    names = [name.strip() for name in names]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise FileError(f"line 1, the header, names {_told(twice, feed)} twice")
    if missing := set(feed.required_time_sources) - set(names):
        raise FileError(
            f"line 1, the header, has no column {min(missing)!r}, the event time of "
            f"feed {feed.name}; it has {_told(names, feed)}"
        )
    if not _own(names, feed):
        raise FileError(
            f"line 1 names no field of feed {feed.name}; is it a line of data?"
        )
    return names


def _told(names: Iterable[str], feed: Feed) -> str:
    """The names that the feed knows, quoted, and the number of other columns."""
    names = set(names)
    own = sorted(_own(names, feed))
    told = [repr(name) for name in own]
    if count := len(names) - len(own):
        told.append(f"{count} other column{'s' * (count > 1)}")
    return ", ".join([*told[:-2], " and ".join(told[-2:])]) or "no column"


def _own(names: Iterable[str], feed: Feed) -> set[str]:
    """Those names that the feed declares or reads event fields from."""
    return {*chain(*feed.sources.values()), *feed.declared_sources} & set(names)


def lay_out(names: Sequence[str], feed: Feed) -> CsvLayout:
    """The layout of a file with these columns."""
    positions = {name: position for position, name in enumerate(names)}
    separators = feed.separators
    fields = [
        Source(field, present, separators.get(field, ""))
        for field, paths in feed.sources.items()
        if (present := tuple(positions[path] for path in paths if path in positions))
    ]
    taken = {position for source in fields for position in source.positions}
    declared = feed.attributes or {}
    return CsvLayout(
        delimiter=feed.delimiter,
        column_count=len(names),
        fields=tuple(sorted(fields, key=attrgetter("positions"))),
        attributes=tuple((n, i) for n, i in positions.items() if i not in taken),
        json_attributes=tuple(
            i
            for n, i in positions.items()
            if i not in taken and declared.get(n) == "json"
        ),
        constants=tuple(feed.constants.items()),
        strips_nul=feed.strip_nul,
    )


def find_drift(names: Sequence[str], feed: Feed) -> Drift:
    """How these columns differ from what the feed declares."""
    missing = feed.declared_sources - set(names)
    if feed.attributes is None:
        return Drift((), report_names(missing))
    known = feed.declared_sources.union(*feed.sources.values())
    return Drift(report_names(set(names) - known), report_names(missing))
