"""Finds the end of a broken piece of JSON, so that reading can resume after it."""

import re
from dataclasses import dataclass

from event_warehouse.load.records import KEPT_BYTES

SPACE = b" \t\r\n"
CONTEXT_BYTES = 64
"""How many preceding bytes are checked to tell whether a record begins."""
MAX_OPEN = 10_000
"""How many open brackets are tracked by kind; deeper ones are only counted."""
OPENED_BY = {b"}": b"{", b"]": b"["}
LINE_END = re.compile(rb"[{\n]")
ELEMENT_END = re.compile(rb"[{\n\]]")
STRING_END = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
OPENED_ARRAYS = re.compile(rb"\[++")
NO_STRUCTURE = re.compile(
    rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+(?<!\{)")*+', re.DOTALL
)
"""Text without brackets; stops before a string that ends in `{`."""


@dataclass(frozen=True)
class BrokenPiece:
    """Text that is not a JSON value: its beginning, its length and what is wrong."""

    beginning: bytes
    byte_count: int
    reason: str


class OpenPiece:
    """A broken piece whose end isn't found yet; it may span many texts."""

    def __init__(
        self, first: bytes, reason: str, *, in_array: bool, is_malformed: bool
    ) -> None:
        self.reason = reason
        self.has_brackets = first in OPENED_BY.values()
        self._separators = SPACE + b"," * in_array
        self._end = (
            _BracketEnd(in_array, is_malformed)
            if self.has_brackets
            else _GarbageEnd(in_array)
        )
        self._beginning = bytearray()
        self._byte_count = 0
        self._separator_count = 0

    def find_end(self, text: bytes, at: int) -> int | None:
        """Where the piece ends, searched from `at` on; None if it exceeds the text.

        The next text must begin with the last CONTEXT_BYTES of this one.
        """
        return self._end.find(text, at)

    def take(self, part: bytes) -> None:
        """Adds the next bytes; separators count only once other bytes follow them."""
        self._beginning += part[: max(0, KEPT_BYTES - len(self._beginning))]
        bare = part.rstrip(self._separators)
        if bare:
            self._byte_count += self._separator_count + len(bare)
            self._separator_count = 0
        self._separator_count += len(part) - len(bare)

    def close(self) -> BrokenPiece:
        """The finished piece."""
        beginning = bytes(self._beginning[: self._byte_count])
        return BrokenPiece(beginning, self._byte_count, self.reason)


class _GarbageEnd:
    """Garbage, which ends with its line or where an object begins."""

    def __init__(self, in_array: bool) -> None:
        self._end = ELEMENT_END if in_array else LINE_END

    def find(self, text: bytes, at: int) -> int | None:
        match = self._end.search(text, at)
        return match.start() if match else None


class _BracketEnd:
    """An object or array, which ends where its brackets are closed.

    It ends earlier if an object begins that can't be part of it, as that must be the
    next record. In malformed text such an object may look like the end of a string,
    because a quote is missing. A bracket that closes an outer one also closes those
    inside.
    """

    def __init__(self, in_array: bool, is_malformed: bool) -> None:
        self._in_array = in_array
        self._is_malformed = is_malformed
        self._open = bytearray()
        self._deeper = 0
        self._is_in_string = False
        self._is_escaped = False

    def find(self, text: bytes, at: int) -> int | None:
        while True:
            if self._is_in_string:
                string_end = self._find_string_end(text, at)
                if string_end is None:
                    return None
                if self._is_malformed and text.startswith(b'{"', string_end - 2):
                    return string_end - 2
                at = string_end
            at = _skip(NO_STRUCTURE, text, at)
            character = text[at : at + 1]
            if not character:
                return None
            if self._ends_before(character, text, at):
                return at
            end = _skip(OPENED_ARRAYS, text, at) if character == b"[" else at + 1
            self._follow(character, end - at)
            at = end
            if not self._open:
                return at

    def _find_string_end(self, text: bytes, at: int) -> int | None:
        if self._is_escaped and at < len(text):
            self._is_escaped = False
            at += 1
        match = STRING_END.match(text, at)
        if match is None:
            written = text[at:]
            backslashes = len(written) - len(written.rstrip(b"\\"))
            self._is_escaped = self._is_escaped or backslashes % 2 == 1
            return None
        self._is_in_string = False
        return match.end()

    def _ends_before(self, character: bytes, text: bytes, at: int) -> bool:
        """True if the bracket there can't be part of this value."""
        if character == b"]":
            return self._in_array and b"[" not in self._open and not self._deeper
        if character != b"{" or not self._open:
            return False
        before = text[max(0, at - CONTEXT_BYTES) : at]
        last = before.rstrip(SPACE)[-1:]
        if last == b",":
            return not self._deeper and self._open[-1:] == b"{"
        if last == b":":
            # Records may begin on a new line; no writer puts a member's value there.
            return self._is_malformed and before[-1:] == b"\n"
        return last not in (b"[", b"")

    def _follow(self, character: bytes, count: int) -> None:
        if character == b'"':
            self._is_in_string = True
        elif character in OPENED_BY:
            self._close(OPENED_BY[character])
        else:
            kept = min(count, MAX_OPEN - len(self._open))
            self._open += character * kept
            self._deeper += count - kept

    def _close(self, bracket: bytes) -> None:
        if self._deeper:
            self._deeper -= 1
        elif (position := self._open.rfind(bracket)) >= 0:
            del self._open[position:]


def _skip(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
