"""Chooses the reader for a file and how it gets the file's bytes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import urlsplit

from event_warehouse.feeds import Feed
from event_warehouse.load.blocks import HashedBlocks, Spooled, spooled
from event_warehouse.load.csv_records import read_csv
from event_warehouse.load.json_records import read_json, read_json_lines
from event_warehouse.load.lines import split_at_lines
from event_warehouse.load.records import Records
from event_warehouse.sources.source_file import SourceFile


def read_records(blocks: Iterable[bytes], feed: Feed, *, load_id: int) -> Records:
    """The records of a streamed file, in the feed's format."""
    if feed.format == "json":
        return read_json(blocks, feed, load_id=load_id)
    read = read_csv if feed.format == "csv" else read_json_lines
    return read(split_at_lines(blocks), feed, load_id=load_id)


class Content(Protocol):
    """A file being read; hash and size are complete once all records are consumed."""

    @property
    def sha256(self) -> str:
        """Of the stored bytes, in hex."""

    @property
    def byte_count(self) -> int:
        """The stored size of the file."""

    def records(self, load_id: int) -> Records:
        """The file's records, for a load."""


def is_parquet(uri: str, feed: Feed) -> bool:
    """True if the feed's file of that name is Parquet."""
    if uri.startswith(("http://", "https://")):
        # Only here does a question mark begin a query string.
        uri = urlsplit(uri).path
    return feed.format == "parquet" or uri.lower().endswith(".parquet")


@contextmanager
def reading(file: SourceFile, feed: Feed) -> Iterator[Content]:
    """The file's content, in the feed's format, or Parquet if its name ends so.

    Raises FileError, also while iterating the records, if it can't be read.
    """
    if is_parquet(file.uri, feed):
        with spooled(file) as stored:
            yield _Parquet(stored, feed)
    else:
        yield _Stream(file, feed)


class _Stream:
    """Content that is streamed."""

    def __init__(self, file: SourceFile, feed: Feed) -> None:
        self._blocks = HashedBlocks(file)
        self._feed = feed

    @property
    def sha256(self) -> str:
        return self._blocks.sha256

    @property
    def byte_count(self) -> int:
        return self._blocks.byte_count

    def records(self, load_id: int) -> Records:
        return read_records(self._blocks, self._feed, load_id=load_id)


class _Parquet:
    """Content that is needed whole, because Parquet's metadata is at the end."""

    def __init__(self, stored: Spooled, feed: Feed) -> None:
        self._stored = stored
        self._feed = feed

    @property
    def sha256(self) -> str:
        return self._stored.sha256

    @property
    def byte_count(self) -> int:
        return self._stored.byte_count

    def records(self, load_id: int) -> Records:
        # Imported here: it takes a second, and most loads need none of it.
        from event_warehouse.load.parquet_records import read_parquet

        return read_parquet(self._stored.stream, self._feed, load_id=load_id)
