"""Tracks which input fields occur in a JSON file's records."""

from event_warehouse.feeds import Feed
from event_warehouse.load.json_layout import find, split_path
from event_warehouse.load.json_values import MISSING, Members, encode_text
from event_warehouse.load.records import Drift, report_names

KEPT_NAMES = 10_000
NOTED_BYTES = 32 * 1024 * 1024
"""After this many names or this much input, names that won't be reported are dropped:
a file may have new ones in each record."""


class SeenFields:
    """Collects the fields of records and compares them with the declared ones."""

    def __init__(self, feed: Feed) -> None:
        declared = feed.declared_sources
        self.names: set[str] = set()
        self.has_records = False
        self.declared_names = {path for path in declared if "." not in path}
        self._unseen = {
            path: (split_path(path), encode_text(split_path(path)[-1]))
            for path in declared - self.declared_names
        }
        self._known = None if feed.attributes is None else _top_level(feed)
        self._noted_bytes = 0

    def note(self, members: Members, record: bytes) -> None:
        """Adds the fields of a record, given parsed and as raw bytes."""
        self.names.update(members)
        self._noted_bytes += len(record)
        if len(self.names) > KEPT_NAMES or self._noted_bytes > NOTED_BYTES:
            self._forget()
        if self._unseen:
            self._look_for_unseen(members, record)

    def _look_for_unseen(self, members: Members, record: bytes) -> None:
        for path, (way, quoted) in [*self._unseen.items()]:
            may_have_it = quoted in record or b"\\" in record
            if may_have_it and find(members, way) is not MISSING:
                del self._unseen[path]

    def _forget(self) -> None:
        unknown = report_names(self._unknown())
        self.names &= self.declared_names | (self._known or set())
        self.names.update(unknown)
        self._noted_bytes = 0

    def _unknown(self) -> set[str]:
        return set() if self._known is None else self.names - self._known

    def find_drift(self) -> Drift:
        """The unknown and the missing fields so far."""
        missing = (self.declared_names - self.names) | {*self._unseen}
        return Drift(
            report_names(self._unknown()),
            report_names(missing if self.has_records else ()),
        )


def _top_level(feed: Feed) -> set[str]:
    """The top-level members that the feed maps or declares."""
    paths = {*feed.declared_sources}.union(*feed.sources.values())
    if feed.unwrap:
        paths.add(feed.unwrap)
    return {split_path(path)[0] for path in paths}
