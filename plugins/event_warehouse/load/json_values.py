"""The values of a JSON object, as written in the file and as text for COPY."""

from collections.abc import Sequence

import msgspec

from event_warehouse.load.records import NUL

Value = msgspec.Raw | bytes
"""A value as written in JSON."""
Members = dict[str, msgspec.Raw]
"""A JSON object whose values are not decoded."""

MISSING = b"\\N"
"""Stands for no value: null in COPY's text format, and not valid JSON."""
# COPY's text format: https://www.postgresql.org/docs/18/sql-copy.html
ESCAPES = ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n"), (b"\r", b"\\r"))

decode_members = msgspec.json.Decoder(Members).decode
_decode_text = msgspec.json.Decoder(str).decode


class NulError(Exception):
    """holds a NUL character"""


def is_object(value: Value) -> bool:
    """True if the value is a JSON object."""
    return bytes(value)[:1] == b"{"


def text_of(value: Value) -> str | None:
    """A string without its quotes, None for null, anything else as written."""
    text = bytes(value)
    if text[:1] == b'"':
        return _decode_text(text)
    return None if text in (b"null", MISSING) else text.decode("utf-8")


def encode_text(text: str) -> bytes:
    """The string as written in JSON."""
    return msgspec.json.encode(text)


def copied_all(values: Sequence[Value], record: bytes) -> bytes:
    """The texts of a record's values for COPY, separated by tabs.

    Raises NulError if one has a NUL.
    """
    text = b"\t".join(values)
    # MISSING is not a JSON escape. An escaped backslash before an N still counts: the
    # replacement leaves its first half.
    has_escape = b"\\" in record and b"\\" in text.replace(MISSING, b"")
    if has_escape or b"{" in text or b"[" in text or b"null" in text:
        return b"\t".join(map(copied, values))
    return text.translate(None, b'"')


def copied(value: Value) -> bytes:
    """The value's text for COPY; raises NulError if it has a NUL."""
    text = bytes(value)
    if text in (b"null", MISSING):
        return MISSING
    if text[:1] == b'"':
        if b"\\" not in text:
            return text[1:-1]
        text = _decode_text(text).encode("utf-8")
        if NUL in text:
            raise NulError(NulError.__doc__)
    return escaped(text)


def escaped(text: bytes) -> bytes:
    """The text with COPY's special characters escaped."""
    for character, escape in ESCAPES:
        if character in text:
            text = text.replace(character, escape)
    return text
