"""Removes NUL characters from JSON and can restore the original text."""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate

from event_warehouse.load.records import NUL

ESCAPED_NUL = rb"\u0000"
ESCAPE = re.compile(rb"\\(?:u0000|.)", re.DOTALL)


def without_nul(record: bytes) -> bytes:
    """The JSON text without NUL characters, whether bytes or escapes."""
    record = record.replace(NUL, b"")
    if ESCAPED_NUL not in record:
        return record
    return ESCAPE.sub(lambda m: b"" if m[0] == ESCAPED_NUL else m[0], record)


@dataclass(frozen=True)
class StrippedText:
    """A text without its NUL bytes, and how it arrived."""

    text: bytes
    original: bytes
    nuls: tuple[int, ...] = ()
    """For each NUL, its position in the stripped text."""

    def cut(self, start: int, end: int) -> bytes:
        """A part of the text in its original form, with the NULs inside it."""
        return self.original[self._offset(start) : end + bisect_left(self.nuls, end)]

    def cut_in_two(self, start: int, middle: int) -> tuple[bytes, bytes]:
        """The original text from `start` on, cut at `middle`."""
        offset = self._offset(middle)
        return self.original[self._offset(start) : offset], self.original[offset:]

    def _offset(self, at: int) -> int:
        return at + bisect_right(self.nuls, at)


def strip_text(original: bytes) -> StrippedText:
    """The text without its NUL bytes."""
    if NUL not in original:
        return StrippedText(original, original)
    pieces = original.split(NUL)
    nuls = tuple(accumulate(map(len, pieces[:-1])))
    return StrippedText(b"".join(pieces), original, nuls)
