"""Splits JSON into its objects, either concatenated or elements of an array.

Memory stays bounded for any input. Each byte belongs to a value, to a broken piece or
to a separator: white space, and an array's commas and brackets.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from event_warehouse.load.json_broken import (
    CONTEXT_BYTES,
    SPACE,
    BrokenPiece,
    OpenPiece,
)
from event_warehouse.load.json_depth import TOO_DEEP
from event_warehouse.load.json_nul import StrippedText, strip_text
from event_warehouse.load.records import BYTE_ORDER_MARK, MAX_RECORD_BYTES, OVERLONG

UNCLOSED = "is never closed"
ARRAY_UNCLOSED = "the array ends early"
TRUNCATED = "is not a JSON object: it ends early"
FOUND_AT_ONCE = 4_096
TAKEN_AT_ONCE = 256 * 1024
"""How many values are yielded at a time, and how many bytes are decoded: a text that is
long because of one value may contain very many others."""
READABLE = (OVERLONG, TOO_DEEP)
"""Reasons for rejecting pieces that were valid JSON as far as they were read."""
BETWEEN_RECORDS = re.compile(rb"[ \t\r\n]*+")
BETWEEN_ELEMENTS = re.compile(rb"[ \t\r\n,]*+")
PLACE = re.compile(r"(trailing characters )?\(byte (\d+)\)$")

_check_value = msgspec.json.Decoder(msgspec.Raw).decode
_split_values = msgspec.json.Decoder(msgspec.Raw).decode_lines
_split_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode

Found = bytes | BrokenPiece


def split_objects(
    blocks: Iterable[bytes], *, strip_nul: bool = False, limit: int = MAX_RECORD_BYTES
) -> Iterator[list[Found]]:
    """The JSON values in the blocks, and the broken pieces between them, in order.

    Values need not be objects. One of more than `limit` bytes is a broken piece. With
    `strip_nul`, NUL bytes are ignored in parsing but kept in the values returned.
    """
    splitter = _Splitter(strip_nul, limit)
    waiting: list[bytes] = []
    waiting_bytes = 0
    for block in blocks:
        waiting.append(block)
        waiting_bytes += len(block)
        # Parse unfinished text again only when it has doubled, or a long value would
        # be parsed once for each of its blocks.
        if waiting_bytes >= len(splitter.rest):
            text = b"".join([splitter.rest, *waiting])
            waiting, waiting_bytes = [], 0
            yield from splitter.split(text, is_last=False)
    yield from splitter.split(b"".join([splitter.rest, *waiting]), is_last=True)


class _Splitter:
    """Splits one text after another; `rest` is the unfinished end of the last one."""

    _text: bytes
    _stripped: StrippedText
    _is_last: bool
    _found: list[Found]
    _value_end: int | None
    """Where the value ends that was taken last, if it was taken by itself."""
    _may_take_many: bool

    def __init__(self, strip_nul: bool, limit: int) -> None:
        self.rest = b""
        self._strip_nul = strip_nul
        self._limit = limit
        self._is_at_start = True
        self._may_open_array = True
        self._in_array = False
        self._between: bytes | None = None
        """The separator between two values that were taken one by one."""
        self._piece: OpenPiece | None = None
        self._followed = 0
        """How much of the next text has already been searched for the piece's end."""

    def split(self, original: bytes, *, is_last: bool) -> Iterator[list[Found]]:
        """Yields what the text contains, in portions; the last text leaves no rest."""
        self.rest = b""
        if self._is_at_start:
            if len(original) < len(BYTE_ORDER_MARK) and not is_last:
                self.rest = original
                return
            original = original.removeprefix(BYTE_ORDER_MARK)
            self._is_at_start = False
        self._begin(original, is_last)
        at: int | None = 0
        while at is not None:
            at = self._step(at)
            if len(self._found) >= FOUND_AT_ONCE:
                yield self._found
                self._found = []
        if is_last and self._in_array:
            self._found.append(BrokenPiece(b"", 0, ARRAY_UNCLOSED))
        yield self._found

    def _begin(self, original: bytes, is_last: bool) -> None:
        plain = StrippedText(original, original)
        self._stripped = strip_text(original) if self._strip_nul else plain
        self._text = self._stripped.text
        self._is_last = is_last
        self._found = []
        self._value_end = None
        self._may_take_many = not self._stripped.nuls

    def _step(self, at: int) -> int | None:
        """Takes what begins there; returns its end, None if the text ends first."""
        if self._piece:
            return self._follow(self._piece, at, self._followed)
        start = self._skip_separators(at)
        if start == len(self._text):
            return None
        if self._value_end is not None:
            self._between = self._text[self._value_end : start]
        if self._may_take_many and self._between is not None:
            if end := self._take_many(start, self._between):
                return end
            self._may_take_many = False
        return self._take_one(start)

    def _skip_separators(self, at: int) -> int:
        while True:
            separators = BETWEEN_ELEMENTS if self._in_array else BETWEEN_RECORDS
            match = separators.match(self._text, at)
            at = match.end() if match else at
            character = self._text[at : at + 1]
            if character == b"[" and self._may_open_array:
                self._in_array, self._may_open_array = True, False
            elif character == b"]" and self._in_array:
                self._in_array, self._may_open_array = False, True
            else:
                self._may_open_array &= not character
                return at
            at += 1

    def _take_many(self, start: int, between: bytes) -> int | None:
        """Takes all values up to the last separator, if they can be parsed.

        The separator's position is a guess, but if the text before it parses, the
        values are right.
        """
        window = start + min(TAKEN_AT_ONCE, self._limit)
        end = self._text.rfind(b"}" + between + b"{", start, window) + 1
        if not end:
            return None
        values = self._text[start:end]
        try:
            if self._in_array:
                self._found += map(bytes, _split_elements(b"[%b]" % values))
            else:
                self._found += map(bytes, _split_values(values))
        except (msgspec.DecodeError, RecursionError):
            return None
        self._value_end = None
        return end

    def _take_one(self, start: int) -> int | None:
        """Takes the value that begins there."""
        rest = memoryview(self._text)[start:]
        byte_count = len(rest)
        is_whole = self._is_last or self._text[start] in b'{["'
        try:
            _check_value(rest)
        except RecursionError:
            return self._begin_piece(start, TOO_DEEP)
        except msgspec.DecodeError as error:
            place = PLACE.search(str(error))
            is_whole = place is not None and bool(place[1])
            byte_count = int(place[2]) - is_whole if place else byte_count
            if byte_count < len(rest) and not is_whole:
                return self._begin_piece(start, f"is not a JSON object: {error}")
        if not is_whole:
            return self._leave_unfinished(start)
        end = start + len(bytes(rest[:byte_count]).rstrip(SPACE))
        if end - start > self._limit:
            return self._begin_piece(start, OVERLONG)
        self._found.append(self._stripped.cut(start, end))
        self._value_end = end
        return end

    def _leave_unfinished(self, start: int) -> int | None:
        if self._is_last:
            return self._begin_piece(start, TRUNCATED)
        if len(self._text) - start > self._limit:
            return self._begin_piece(start, OVERLONG)
        _, self.rest = self._stripped.cut_in_two(start, start)
        return None

    def _begin_piece(self, start: int, reason: str) -> int | None:
        self._value_end = None
        first = self._text[start : start + 1]
        self._piece = OpenPiece(
            first,
            reason,
            in_array=self._in_array,
            is_malformed=reason not in READABLE,
        )
        return self._follow(self._piece, start, start)

    def _follow(self, piece: OpenPiece, start: int, followed: int) -> int | None:
        end = piece.find_end(self._text, followed)
        if end is None and not self._is_last:
            middle = max(start, len(self._text) - CONTEXT_BYTES)
            part, self.rest = self._stripped.cut_in_two(start, middle)
            piece.take(part)
            self._followed = len(self._text) - middle
            return None
        if end is None:
            self._tell_early_end(piece)
        end = len(self._text) if end is None else end
        piece.take(self._stripped.cut(start, end))
        self._found.append(piece.close())
        self._piece = None
        return end

    def _tell_early_end(self, piece: OpenPiece) -> None:
        if piece.has_brackets and piece.reason not in READABLE:
            piece.reason = UNCLOSED
        if self._in_array:
            piece.reason += f", and {ARRAY_UNCLOSED}"
            self._in_array = False
