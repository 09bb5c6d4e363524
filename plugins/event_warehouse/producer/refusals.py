"""Keeps events that the destination refuses for good, with the reason, for a person."""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from event_warehouse.producer.segments import PRIVATE, write_all
from event_warehouse.producer.spool import make_private, measure

Refusal = tuple[bytes, str]
"""An event's line, and why it was refused."""


class Refusals:
    """The folder `refused` of a spool: one file per day, bounded like the spool."""

    def __init__(self, spool: Path, most_bytes: int) -> None:
        self.folder = spool / "refused"
        self._most_bytes = most_bytes

    def keep(self, refused: Iterable[Refusal]) -> Path:
        """Add to the day's file; raises OSError, also for lack of room."""
        now = datetime.now(UTC)
        content = b"".join(_line(event, reason, now) for event, reason in refused)
        make_private(self.folder)
        if measure(self.folder) + len(content) > self._most_bytes:
            raise OSError(f"{self.folder} has its {self._most_bytes} bytes")
        file = self.folder / f"{now:%Y-%m-%d}.jsonl"
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE)
        try:
            write_all(descriptor, content)
        finally:
            os.close(descriptor)
        return file


def _line(event: bytes, reason: str, now: datetime) -> bytes:
    try:
        kept: object = json.loads(event)
    except ValueError:
        kept = event.decode("utf-8", "backslashreplace")
    refusal = {"refused_at": now.isoformat(), "reason": reason, "event": kept}
    return json.dumps(refusal).encode("ascii") + b"\n"
