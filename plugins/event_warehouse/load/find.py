"""Finds the files to load: a named source, or whatever has landed for each feed."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from event_warehouse.errors import FeedError, FileError
from event_warehouse.feeds import Feed, choose_feed
from event_warehouse.settings import Settings
from event_warehouse.sources.date_template import parse_template
from event_warehouse.sources.key_pattern import parse_pattern
from event_warehouse.sources.local import (
    check_readable,
    find_file,
    find_in_folder,
    find_landed,
)
from event_warehouse.sources.source_file import SourceFile
from event_warehouse.window import Window
from event_warehouse.wording import things

if TYPE_CHECKING:
    from event_warehouse.sources.s3 import S3Client

File = TypeVar("File", bound=SourceFile)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """A place to look for files of a feed."""

    feed: Feed
    find: Callable[[], Sequence[SourceFile]]
    """Raises SourceUnavailable if the place can't be reached."""


@contextmanager
def found_files(
    settings: Settings,
    feeds: Mapping[str, Feed],
    *,
    source: str | None,
    feed: str | None,
    window: Window | None,
    from_web: bool = True,
    is_quiet: bool = False,
) -> Iterator[Sequence[Place]]:
    """The places to look for each feed's files, usable within the context.

    A source is a file, a folder, `s3://bucket/prefix` or a web address. Without one,
    the places are where files land and, given a window and `from_web`, the feeds' web
    addresses. Folders come first, as they need no network. `is_quiet` is for callers
    that poll every second: skipped files are not logged. Raises FileError if the source
    doesn't exist, FeedError if no feed is named for it.
    """
    with ExitStack() as clients:
        finder = _Finder(settings, clients, is_quiet=is_quiet)
        if source is not None:
            named = feed_of(source, feeds, feed)
            yield [
                Place(named, lambda: _not_excluded(named, source, finder.named(source)))
            ]
            return
        chosen = [choose_feed(feeds, feed)] if feed else list(feeds.values())
        ways = [finder.in_folder, finder.in_bucket]
        if from_web:
            ways.append(finder.published)
        # Last, because it raises when a folder is unreadable: load all else first.
        ways.append(finder.out_of_reach)
        yield [
            Place(one, partial(find, one, window)) for find in ways for one in chosen
        ]
        if feed is None and not is_quiet:
            _report_unclaimed(settings.landing, chosen)


def _report_unclaimed(landing: Path, feeds: Sequence[Feed]) -> None:
    """Warns of files that match no feed's pattern, mostly because of a typo."""
    if not landing.is_dir():
        logger.warning("there is no landing folder %s", landing)
        return
    patterns = [
        parse_pattern(parse_template(pattern).as_glob)
        for feed in feeds
        for pattern in feed.files
    ]
    unclaimed = [
        path
        for path in _relative_paths(landing)
        if not any(pattern.matches(path) for pattern in patterns)
    ]
    if unclaimed:
        logger.warning(
            "%s below %s of no feed, the first %s",
            things(len(unclaimed), "file"),
            landing,
            min(unclaimed),
        )


def _relative_paths(folder: Path) -> Iterator[str]:
    """The files that are not hidden, in all readable folders."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith("."):
                yield (Path(parent) / name).relative_to(folder).as_posix()


def feed_of(source: str, feeds: Mapping[str, Feed], feed: str | None) -> Feed:
    """The feed to load a source as; raises FeedError if none is named."""
    if feed is None:
        raise FeedError(
            f"say which feed {_shown(source)} belongs to: FEED=... or --feed; "
            f"declared are {', '.join(feeds)}"
        )
    return choose_feed(feeds, feed)


def _shown(source: str) -> str:
    """The source for a message, without its address, which may hold a password."""
    return "the file at that address" if "://" in source else source


class _Finder:
    """Finds files, creating clients only when they are needed."""

    def __init__(
        self, settings: Settings, clients: ExitStack, *, is_quiet: bool
    ) -> None:
        self._settings = settings
        self._is_quiet = is_quiet
        self._clients = clients
        self._s3: S3Client | None = None

    def named(self, source: str) -> Sequence[SourceFile]:
        """The files of a source that a person has named."""
        if source.startswith("s3://"):
            return self._in_bucket(source)
        if source.startswith(("http://", "https://")):
            return self._at_url(source)
        path = Path(source)
        if not path.exists():
            raise FileError(f"{source}: no such file or folder")
        return find_in_folder(path) if path.is_dir() else [find_file(path)]

    def in_folder(self, feed: Feed, window: Window | None) -> Sequence[SourceFile]:
        """The feed's files in the landing folder that are no longer being written."""
        files = {
            file.uri: file
            for pattern in feed.files
            for glob in _globs(pattern, window)
            for file in find_landed(self._settings.landing, glob)
        }
        now = time.time()
        landed = _not_excluded(feed, str(self._settings.landing), [*files.values()])
        settled = [
            file
            for file in landed
            if file.is_settled(now, self._settings.settle_seconds)
        ]
        unsettled = len(landed) - len(settled)
        if unsettled and not self._is_quiet:
            logger.info(
                "%s: %s changed in the last %g seconds or in the future, left for a "
                "later run",
                feed.name,
                things(unsettled, "file"),
                self._settings.settle_seconds,
            )
        return settled

    def out_of_reach(self, feed: Feed, window: Window | None) -> Sequence[SourceFile]:
        """No files; raises SourceUnavailable if a folder of the feed is unreadable."""
        for pattern in feed.files:
            for glob in _globs(pattern, window):
                check_readable(self._settings.landing, glob)
        return []

    def in_bucket(self, feed: Feed, window: Window | None) -> Sequence[SourceFile]:
        """The feed's files in the bucket."""
        if self._settings.bucket is None:
            return []
        from event_warehouse.sources.s3 import find_landed_in_bucket, parse_location

        client = self._s3_client()
        location = parse_location(self._settings.bucket)
        files = find_landed_in_bucket(
            location,
            feed.files,
            client=client,
            start=window.start if window else None,
            end=window.end if window else None,
        )
        return _not_excluded(feed, self._settings.bucket, files)

    def published(self, feed: Feed, window: Window | None) -> Sequence[SourceFile]:
        """The files that the feed's web address has for the window."""
        if feed.url is None or window is None:
            return []
        from event_warehouse.sources.web import find_on_web, web_client

        client = self._clients.enter_context(web_client())
        listing = find_on_web(feed.url, window.start, window.end, client=client)
        if listing.missing:
            logger.warning(
                "%s: %s of the window not published yet, the first %s",
                feed.name,
                things(len(listing.missing), "file"),
                listing.missing[0],
            )
        return listing.found

    def _in_bucket(self, uri: str) -> Sequence[SourceFile]:
        from event_warehouse.sources.s3 import find_in_bucket, parse_location

        return find_in_bucket(parse_location(uri), client=self._s3_client())

    def _s3_client(self) -> "S3Client":
        """One client for all feeds, as creating one takes a tenth of a second."""
        if self._s3 is None:
            from event_warehouse.sources.s3 import s3_client

            self._s3 = s3_client()
            self._clients.callback(self._s3.close)
        return self._s3

    def _at_url(self, url: str) -> Sequence[SourceFile]:
        from event_warehouse.sources.web import find_url, web_client

        return [find_url(url, client=self._clients.enter_context(web_client()))]


def _not_excluded(feed: Feed, root: str, files: Sequence[File]) -> Sequence[File]:
    """The files outside the feed's excluded folders below the root."""
    if not feed.exclude:
        return files
    start = root if "://" in root else Path(root).resolve().as_uri()
    return [
        file
        for file in files
        if set(feed.exclude).isdisjoint(
            unquote(file.uri.removeprefix(start)).split("/")[:-1]
        )
    ]


def _globs(pattern: str, window: Window | None) -> Sequence[str]:
    template = parse_template(pattern)
    if window is None:
        return [template.as_glob]
    return template.window_globs(window.start, window.end)
