"""Matches a bucket's keys against a feed's pattern, as Path.glob would match files."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from pathlib import PurePosixPath

MAGIC = re.compile(r"[*?[]")
_FOLDERS = "**"

Matches = Callable[[str], object]


@dataclass(frozen=True)
class KeyPattern:
    """A glob with the rules of Path.glob; `**` matches any number of folders.

    A final `**` matches all files below, like Path.glob from Python 3.13 on.
    """

    text: str
    prefix: str
    """The literal text that every matching key begins with."""
    _parts: tuple[Matches | None, ...]
    """A matcher for each part of the key; None matches any number of parts."""

    @property
    def folder(self) -> str:
        """The deepest folder, named without wildcards, of all matching keys."""
        return self.prefix.rpartition("/")[0]

    def leads_through(self, folder: str) -> bool:
        """True if a matching key may be in this folder or below it."""
        return _leads_through(self._parts, folder.split("/"))

    def matches(self, key: str) -> bool:
        """True if the key matches."""
        return key.startswith(self.prefix) and _match(self._parts, key.split("/"))


def parse_pattern(text: str) -> KeyPattern:
    """The pattern; raises ValueError with the reason if the text isn't one."""
    parts = PurePosixPath(text).parts
    if not parts or text.endswith("/"):
        raise ValueError(f"the pattern {text!r} names no files")
    if parts[0] == "/" or ".." in parts:
        raise ValueError(f"the pattern {text!r} points outside its folder")
    if any(_FOLDERS in part and part != _FOLDERS for part in parts):
        raise ValueError(f"the pattern {text!r} has ** beside other characters")
    if parts[-1] == _FOLDERS:
        parts = (*parts, "*")
    matchers = [
        None if part == _FOLDERS else re.compile(translate(part)).match
        for part in parts
    ]
    return KeyPattern(text, MAGIC.split("/".join(parts), 1)[0], tuple(matchers))


def _leads_through(patterns: Sequence[Matches | None], folders: Sequence[str]) -> bool:
    if not folders or not patterns or patterns[0] is None:
        return bool(patterns)
    return bool(patterns[0](folders[0])) and _leads_through(patterns[1:], folders[1:])


def _match(patterns: Sequence[Matches | None], parts: Sequence[str]) -> bool:
    if not patterns:
        return not parts
    first, rest = patterns[0], patterns[1:]
    if first is None:
        return any(_match(rest, parts[at:]) for at in range(len(parts)))
    return bool(parts) and bool(first(parts[0])) and _match(rest, parts[1:])
