"""Maps the columns of a Parquet file to event fields."""

from dataclasses import dataclass

import pyarrow as pa  # type: ignore[import-untyped]

from event_warehouse.errors import FileError
from event_warehouse.feeds import EventField, Feed
from event_warehouse.load.parquet_columns import Columns, Path, columns_of, find, unwrap
from event_warehouse.load.records import Drift, report_names


@dataclass(frozen=True)
class Source:
    """The columns that make up one event field; usually just one."""

    field: EventField
    paths: tuple[Path, ...]
    separator: str


@dataclass(frozen=True)
class ParquetLayout:
    """Where each event field comes from."""

    constants: tuple[tuple[EventField, str], ...]
    fields: tuple[Source, ...]
    """The event fields that the file has."""
    attributes: tuple[str, ...]
    """The columns that no event field takes whole."""
    json_attributes: tuple[Path, ...]
    """The paths declared as JSON."""
    unwrapped: Path | None
    strips_nul: bool

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

    def columns_of(self, batch: pa.RecordBatch) -> Columns:
        """The batch's columns, unwrapped."""
        columns = columns_of(batch)
        return unwrap(columns, self.unwrapped) if self.unwrapped else columns


def lay_out(schema: pa.Schema, feed: Feed) -> ParquetLayout:
    """The layout of files with this schema; raises FileError if it isn't the feed's."""
    names = list(schema.names)
    if twice := {name for name in names if names.count(name) > 1}:
        raise FileError(f"has {len(twice)} column names twice")
    unwrapped = _split(feed.unwrap) if feed.unwrap else None
    columns = _columns_of(schema, feed)
    _check_time(columns, feed)
    separators = feed.separators
    present = {
        field: tuple(path for path in map(_split, paths) if _is_there(columns, path))
        for field, paths in feed.sources.items()
    }
    consumed = {p for paths in feed.sources.values() for p in paths if "." not in p}
    declared = feed.attributes or {}
    json = [_split(path) for path, type in declared.items() if type == "json"]
    return ParquetLayout(
        constants=tuple(feed.constants.items()),
        fields=tuple(
            Source(field, paths, separators.get(field, ""))
            for field, paths in present.items()
            if paths
        ),
        attributes=tuple(name for name in columns if name not in consumed),
        json_attributes=tuple(path for path in json if _is_there(columns, path)),
        unwrapped=unwrapped,
        strips_nul=feed.strip_nul,
    )


def find_drift(schema: pa.Schema, feed: Feed, *, has_records: bool) -> Drift:
    """How the schema's columns differ from what the feed declares."""
    columns = _columns_of(schema, feed)
    declared = feed.declared_sources if has_records else ()
    missing = [path for path in declared if not _is_there(columns, _split(path))]
    if feed.attributes is None:
        return Drift((), report_names(missing))
    known = feed.declared_sources.union(*feed.sources.values())
    if feed.unwrap:
        known |= {feed.unwrap}
    unknown = set(columns) - {_split(path)[0] for path in known}
    return Drift(report_names(unknown), report_names(missing))


def _columns_of(schema: pa.Schema, feed: Feed) -> Columns:
    """The columns of the schema, unwrapped, without rows."""
    columns = columns_of(pa.RecordBatch.from_pylist([], schema))
    return unwrap(columns, _split(feed.unwrap)) if feed.unwrap else columns


def _check_time(columns: Columns, feed: Feed) -> None:
    for path in feed.required_time_sources:
        if not _is_there(columns, _split(path)):
            raise FileError(
                f"has no column {path!r}, the event time of feed {feed.name}, but "
                f"{len(columns)} others"
            )


def _is_there(columns: Columns, path: Path) -> bool:
    return find(columns, path) is not None


def _split(path: str) -> Path:
    return tuple(path.split("."))
