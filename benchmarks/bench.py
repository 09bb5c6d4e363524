"""What the measurements share: a warehouse, events, and how much to measure."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.events import write_events
from event_warehouse.settings import Settings


@dataclass(frozen=True)
class Bench:
    """Where to measure, and how much."""

    settings: Settings
    folder: Path
    comparators: Path
    """The comparators' Python environment."""
    events: int
    pairs: int
    runs: int
    dlt_events: int
    """Fewer, because dlt takes a hundred times as long."""
    small_files: int
    megabytes: int
    """How large the files are whose memory is measured."""

    @cached_property
    def file(self) -> Path:
        """The events as CSV."""
        return self.file_of(self.events)

    def file_of(self, events: int) -> Path:
        """This many events as CSV."""
        file = self.folder / f"events-{events}.csv"
        if not file.exists():
            write_events(file, events=events)
        return file
