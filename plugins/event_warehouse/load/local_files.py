"""Local files: finding them, telling whether one changed, reading one in blocks."""

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader, FileIO, RawIOBase
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import TYPE_CHECKING

from event_warehouse.errors import FileError
from event_warehouse.feeds import Feed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 128 * 1024
"""About what the socket to Postgres buffers: while one block is prepared here, Postgres
has the one before to parse."""
QUEUED_BLOCKS = 16
RACY_SECONDS = 2.0
"""A file read this soon after its last change may change again without its mtime
showing it, so its version is not trusted (as git does with its index)."""


@dataclass(frozen=True)
class LocalFile:
    """A file as it was found."""

    path: Path
    byte_count: int
    modified: float
    version: str

    @property
    def uri(self) -> str:
        """What `raw.loads` calls it."""
        return self.path.as_uri()


def find_file(path: Path) -> LocalFile:
    """The file at a path; raises FileError if there is none that can be read."""
    try:
        status = path.stat()
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    if not path.is_file():
        raise FileError(f"{path}: is not a regular file")
    version = f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"
    return LocalFile(path.resolve(), status.st_size, status.st_mtime, version)


def find_landed(landing: Path, feed: Feed) -> list[LocalFile]:
    """The feed's files in the landing folder, by path; no links that lead out of it."""
    root = landing.resolve()
    return [
        file
        for file in _find_all(root.glob(feed.files))
        if file.path.is_relative_to(root)
    ]


def find_in_folder(folder: Path) -> list[LocalFile]:
    """The files of a folder and its subfolders, by path."""
    return _find_all(folder.rglob("*"))


def _find_all(paths: Iterable[Path]) -> list[LocalFile]:
    """Those that are files and not hidden; one that vanishes meanwhile is not there."""
    found = []
    for path in sorted(paths):
        if path.name[0] != "." and path.is_file():
            with suppress(FileError):
                found.append(find_file(path))
    return found


class HashedBlocks:
    """The blocks of a file, unpacked, in order; afterwards its hash.

    Reading, hashing and unpacking run in a thread of their own, beside the caller's
    work. Raises FileError, in place of a block, if the file can't be read to its end
    or its compression is damaged: never a silent prefix.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = hashlib.sha256()
        self.byte_count = 0

    @property
    def sha256(self) -> str:
        """Of the bytes as stored, in hex; of the whole file once all are taken."""
        return self._hash.hexdigest()

    def add(self, stored: bytes | memoryview) -> None:
        """Take in the next bytes as they are stored."""
        self._hash.update(stored)
        self.byte_count += len(stored)

    def __iter__(self) -> Iterator[bytes]:
        queue: Blocks = Queue(QUEUED_BLOCKS)
        abandoned = Event()
        thread = Thread(target=self._fill, args=(queue, abandoned), daemon=True)
        thread.start()
        try:
            while (block := queue.get()) is not None:
                if isinstance(block, Exception):
                    raise FileError(_damage(block)) from block
                yield block
        finally:
            abandoned.set()
            while thread.is_alive():
                _drain(queue)
                thread.join(0.01)

    def _fill(self, queue: "Blocks", abandoned: Event) -> None:
        try:
            with open(self._path, "rb", buffering=0) as file:
                stored = BufferedReader(_Stored(file, self), BLOCK_BYTES)
                is_gzip = stored.peek(2).startswith(b"\x1f\x8b")
                stream = gzip.GzipFile(fileobj=stored) if is_gzip else stored
                while not abandoned.is_set() and (block := stream.read(BLOCK_BYTES)):
                    queue.put(block)
            queue.put(None)
        except (OSError, EOFError, zlib.error) as error:
            queue.put(error)


Blocks = Queue[bytes | Exception | None]


class _Stored(RawIOBase):
    """A file as it is stored, showing its bytes to what hashes them."""

    def __init__(self, file: FileIO, blocks: HashedBlocks) -> None:
        self._file = file
        self._blocks = blocks

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        size = self._file.readinto(buffer) or 0
        self._blocks.add(memoryview(buffer)[:size])
        return size


def _drain(queue: Blocks) -> None:
    while not queue.empty():
        queue.get_nowait()


def _damage(error: Exception) -> str:
    if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error):
        return f"its gzip compression is damaged or cut off ({error})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


def hash_file(path: Path) -> str:
    """SHA-256 of the file's bytes, in hex; raises FileError if it can't be read."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FileError(f"{path}: {_damage(error)}") from error
