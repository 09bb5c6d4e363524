"""Finds local files, and reads each in the version that was found."""

import errno
import logging
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from event_warehouse.errors import FileError
from event_warehouse.sources.errors import FileChanged, FileGone, SourceUnavailable
from event_warehouse.sources.key_pattern import parse_pattern

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

RACY_SECONDS = 2.0
"""A file found this soon after its last change may change again within the same mtime,
so its version is not trusted (git treats its index the same way)."""
FUTURE_SECONDS = 86_400.0
"""An mtime further in the future is simply wrong, and not worth waiting for."""
GONE = {errno.ENOENT, errno.ENOTDIR, errno.ESTALE}
OF_THE_FILE_SYSTEM = {"lost+found"}
"""Belongs to root, at the top of a file system; nobody lands files there."""

logger = logging.getLogger(__name__)


class Stamp(NamedTuple):
    """File metadata that changes whenever the content does."""

    byte_count: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """The stamp of a file with this status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


@dataclass(frozen=True)
class LocalFile:
    """A file in the version that was found."""

    path: Path
    """Absolute, without symlinks."""
    stamp: Stamp
    found_at: float

    @property
    def uri(self) -> str:
        """The name in `raw.loads`."""
        return self.path.as_uri()

    @property
    def byte_count(self) -> int:
        """The stored size of the file."""
        return self.stamp.byte_count

    @property
    def modified(self) -> float:
        """The time of the last change, in seconds since 1970."""
        return self.stamp.mtime_ns / 1e9

    @property
    def version(self) -> str | None:
        """Changes whenever the content does; None if the file had just changed."""
        if self.found_at - self.modified < RACY_SECONDS:
            return None
        return "-".join(map(str, self.stamp))

    def is_settled(self, now: float, settle_seconds: float) -> bool:
        """True if nothing seems to write to the file any more."""
        age = now - self.modified
        return age >= settle_seconds or age < -FUTURE_SECONDS

    @contextmanager
    def open(self) -> Iterator[RawIOBase]:
        """The bytes of the version that was found.

        Raises FileGone if the file is gone, FileChanged as soon as a replacement or a
        write is noticed, and FileError if it can't be read.
        """
        with closing(_Unchanged(_opened(self.path), self.stamp)) as stream:
            stream.check()
            yield stream
            stream.check()


def find_file(path: Path) -> LocalFile:
    """The regular file at a path; raises FileError if there is none."""
    try:
        real = Path(os.path.realpath(path, strict=True))
        status = real.lstat()
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise FileError(f"{path}: is not a regular file")
    return LocalFile(real, Stamp.of(status), time.time())


def find_landed(landing: Path, pattern: str) -> list[LocalFile]:
    """The files that match a pattern below the landing folder, sorted by path.

    Follows symlinks, but skips and logs those that lead out of the folder. Skips
    unreadable folders: see `check_readable`. Raises SourceUnavailable for any other
    failure of the file system.
    """
    root = landing.resolve()
    try:
        return _find_all(root, root.glob(pattern))
    except OSError as error:
        raise SourceUnavailable(f"{error.filename}: {error.strerror}") from error


def check_readable(landing: Path, pattern: str) -> None:
    """Raises SourceUnavailable naming a folder of the pattern that can't be read.

    `find_landed` skips such a folder, as Path.glob does.
    """
    root, wanted = landing.resolve(), parse_pattern(pattern)

    def is_wanted(folder: Path) -> bool:
        return folder.name not in OF_THE_FILE_SYSTEM and wanted.leads_through(
            folder.relative_to(root).as_posix()
        )

    for _ in _look_through(root / wanted.folder, is_wanted):
        pass


def find_in_folder(folder: Path) -> list[LocalFile]:
    """The files in a folder and its subfolders, sorted; symlinks as in `find_landed`.

    Raises FileError naming a folder that can't be read.
    """
    root = folder.resolve()
    return _find_all(root, _walk(root))


def _walk(root: Path) -> Iterator[Path]:
    """The contents of the folder and its subfolders, except hidden ones."""
    for parent, names in _look_through(root, lambda _: True):
        yield from (parent / name for name in names)


def _look_through(
    start: Path, is_wanted: Callable[[Path], bool]
) -> Iterator[tuple[Path, Sequence[str]]]:
    """Walks a folder and the wanted, visible ones below; yields each with its entries.

    Raises SourceUnavailable naming a folder that can't be read.
    """
    for parent, folders, files in os.walk(start, onerror=_refuse):
        if not os.access(parent, os.X_OK):
            _refuse(PermissionError(errno.EACCES, os.strerror(errno.EACCES), parent))
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and is_wanted(Path(parent, name))
        ]
        yield Path(parent), (*folders, *files)


def _refuse(error: OSError) -> None:
    """Raises SourceUnavailable, unless the folder has merely vanished."""
    if error.errno not in GONE:
        raise SourceUnavailable(f"{error.filename}: {error.strerror}") from error


def _find_all(root: Path, paths: Iterable[Path]) -> list[LocalFile]:
    """The regular, visible files in the folder, each once."""
    found = {}
    for path in sorted(paths):
        if _is_hidden(path.relative_to(root)):
            continue
        file = _find_regular(path)
        real = file.path if file else Path(os.path.realpath(path))
        if not real.is_relative_to(root):
            logger.warning("%s leads out of %s and is left out", path, root)
        elif file:
            found[real] = file
    return list(found.values())


def _find_regular(path: Path) -> LocalFile | None:
    """None if it isn't a regular file or has vanished."""
    try:
        return find_file(path)
    except FileError:
        return None


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _opened(path: Path) -> int:
    """A file descriptor; doesn't follow symlinks or block on pipes."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno in GONE:
            raise FileGone from error
        if error.errno == errno.ELOOP:
            raise FileChanged from error
        raise FileError(error.strerror) from error


class _Unchanged(RawIOBase):
    """An open file that returns no byte written after it was found."""

    def __init__(self, descriptor: int, stamp: Stamp) -> None:
        self._descriptor = descriptor
        self._stamp = stamp

    def check(self) -> None:
        """Raises FileChanged if the file has changed since it was found."""
        if Stamp.of(os.fstat(self._descriptor)) != self._stamp:
            raise FileChanged

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        try:
            size = os.readv(self._descriptor, [buffer])
        except OSError as error:
            raise FileError(error.strerror) from error
        self.check()
        return size

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._descriptor)
