"""The keys that requests may be signed with, in memory.

They come from Postgres every few seconds, or from a file while Postgres is down. Until
it is back, a revoked key is still accepted.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from event_warehouse.access.key_file import read_keys, write_keys
from event_warehouse.access.keys import KnownKey, id_of

logger = logging.getLogger(__name__)


class KeyRing:
    """Finds the key that a request presents."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._keys: dict[str, KnownKey] = {}
        self._version: tuple[int, int] | None = None
        self._used: set[str] = set()
        self.reload()

    def find(self, text: str, now: datetime) -> KnownKey | None:
        """The key, if it is known and may be used."""
        key_id = id_of(text)
        if key_id is None:
            return None
        if key_id not in self._keys:
            # A key that was just created on this machine is in the file already.
            self.reload()
        key = self._keys.get(key_id)
        if key is None or not key.fits(text, now):
            return None
        self._used.add(key_id)
        return key

    def replace(self, keys: Iterable[KnownKey]) -> None:
        """Accept these from now on, and save them for when Postgres is down."""
        known = {key.key_id: key for key in keys}
        if known == self._keys:
            return
        self._keys = known
        try:
            write_keys(self._file, known.values())
            self._version = self._version_of_file()
        except OSError as error:
            logger.warning("the keys can't be kept in %s: %s", self._file, error)

    def reload(self) -> None:
        """Read the file again if it has changed."""
        version = self._version_of_file()
        if version == self._version:
            return
        try:
            self._keys = {key.key_id: key for key in read_keys(self._file)}
            self._version = version
        except (OSError, ValueError, LookupError) as error:
            logger.error("the keys in %s can't be read: %s", self._file, error)

    def take_used(self) -> list[str]:
        """The keys that were used since the last call."""
        used, self._used = self._used, set()
        return sorted(used)

    @property
    def is_empty(self) -> bool:
        """True if there is no key, so that every request is refused."""
        return not self._keys

    def _version_of_file(self) -> tuple[int, int] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino
