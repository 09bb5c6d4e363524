"""Local files: finding them, and reading one as it was found."""

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
"""A file found this soon after its last change may change again without its mtime
showing it, so its version is not trusted (as git does with its index)."""
FUTURE_SECONDS = 86_400.0
"""A time of change further ahead than this is just wrong, and waiting for it no use."""
GONE = {errno.ENOENT, errno.ENOTDIR, errno.ESTALE}
OF_THE_FILE_SYSTEM = {"lost+found"}
"""Root's own in the topmost folder of a disk; nobody lands files there."""

logger = logging.getLogger(__name__)


class Stamp(NamedTuple):
    """What changes whenever a file's content does."""

    byte_count: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """The stamp of a file with this status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


@dataclass(frozen=True)
class LocalFile:
    """A file as it was found."""

    path: Path
    """Absolute, and no part of it is a link."""
    stamp: Stamp
    found_at: float

    @property
    def uri(self) -> str:
        """What `raw.loads` calls it."""
        return self.path.as_uri()

    @property
    def byte_count(self) -> int:
        """Of the file as stored."""
        return self.stamp.byte_count

    @property
    def modified(self) -> float:
        """When it was last changed, in seconds since 1970."""
        return self.stamp.mtime_ns / 1e9

    @property
    def version(self) -> str | None:
        """What changes whenever the content does; None if it had just changed."""
        if self.found_at - self.modified < RACY_SECONDS:
            return None
        return "-".join(map(str, self.stamp))

    def is_settled(self, now: float, settle_seconds: float) -> bool:
        """True if nobody seems to write to it any more."""
        age = now - self.modified
        return age >= settle_seconds or age < -FUTURE_SECONDS

    @contextmanager
    def open(self) -> Iterator[RawIOBase]:
        """Its bytes from the first, all of them as it was found.

        Raises FileGone if it is not there any more, FileChanged as soon as it is seen
        to be another or written to, and FileError if it can't be read.
        """
        with closing(_Unchanged(_opened(self.path), self.stamp)) as stream:
            stream.check()
            yield stream
            stream.check()


def find_file(path: Path) -> LocalFile:
    """The file at a path; raises FileError if there is none that can be read."""
    try:
        real = Path(os.path.realpath(path, strict=True))
        status = real.lstat()
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise FileError(f"{path}: is not a regular file")
    return LocalFile(real, Stamp.of(status), time.time())


def find_landed(landing: Path, pattern: str) -> list[LocalFile]:
    """The files of a pattern below the landing folder, by path.

    A link counts as what it leads to; those that lead out of the folder are left out,
    and the log says so. Folders that may not be read are passed over: see
    `check_readable`. Raises SourceUnavailable where the file system fails otherwise.
    """
    root = landing.resolve()
    try:
        return _find_all(root, root.glob(pattern))
    except OSError as error:
        raise SourceUnavailable(f"{error.filename}: {error.strerror}") from error


def check_readable(landing: Path, pattern: str) -> None:
    """Raises SourceUnavailable that names a folder of the pattern nobody may look into.

    `find_landed` passes over it, as Path.glob does.
    """
    root, wanted = landing.resolve(), parse_pattern(pattern)

    def is_wanted(folder: Path) -> bool:
        return folder.name not in OF_THE_FILE_SYSTEM and wanted.leads_through(
            folder.relative_to(root).as_posix()
        )

    for _ in _look_through(root / wanted.folder, is_wanted):
        pass


def find_in_folder(folder: Path) -> list[LocalFile]:
    """The files of a folder and its subfolders, by path; of links as `find_landed`.

    Raises FileError that names what can't be looked into.
    """
    root = folder.resolve()
    return _find_all(root, _walk(root))


def _walk(root: Path) -> Iterator[Path]:
    """What is in the folder and its subfolders, none of them hidden."""
    for parent, names in _look_through(root, lambda _: True):
        yield from (parent / name for name in names)


def _look_through(
    start: Path, is_wanted: Callable[[Path], bool]
) -> Iterator[tuple[Path, Sequence[str]]]:
    """A folder and those below it that are wanted and not hidden, with what they hold.

    Raises SourceUnavailable that names one that can't be looked into.
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
    """Only what has vanished since may be left out without a word."""
    if error.errno not in GONE:
        raise SourceUnavailable(f"{error.filename}: {error.strerror}") from error


def _find_all(root: Path, paths: Iterable[Path]) -> list[LocalFile]:
    """The regular files that are in the folder and not hidden, each once."""
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
    """None of a folder and the like, and of what has vanished since."""
    try:
        return find_file(path)
    except FileError:
        return None


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _opened(path: Path) -> int:
    """A descriptor of what is there now: no link is followed, no pipe waited for."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno in GONE:
            raise FileGone from error
        if error.errno == errno.ELOOP:
            raise FileChanged from error
        raise FileError(error.strerror) from error


class _Unchanged(RawIOBase):
    """An open file of which no byte is given that was written since it was found."""

    def __init__(self, descriptor: int, stamp: Stamp) -> None:
        self._descriptor = descriptor
        self._stamp = stamp

    def check(self) -> None:
        """Raises FileChanged if it is not as it was found."""
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
