"""A folder: each batch becomes a file of JSON lines, visible once it is complete."""

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, unquote

from event_warehouse.folders import sync_folder
from event_warehouse.producer.destinations import Receipt, Unavailable


class Folder:
    """Files are named by day and content: a batch sent again writes the same file."""

    def __init__(self, destination: SplitResult) -> None:
        self._folder = Path(unquote(destination.path))

    def send(self, events: Sequence[bytes]) -> Receipt:
        """Write the events, which are on disk when this returns."""
        content = b"".join(events)
        digest = hashlib.sha256(content).hexdigest()
        name = f"{datetime.now(UTC):%Y-%m-%d}-{digest[:24]}.jsonl"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Loaders ignore hidden files.
            unfinished = self._folder / f".{name}"
            _write_through(unfinished, content)
            unfinished.rename(self._folder / name)
            sync_folder(self._folder)
        except OSError as error:
            raise Unavailable(f"{self._folder}: {error.strerror}") from error
        return Receipt()

    def close(self) -> None:
        """Nothing is kept open."""


def _write_through(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
