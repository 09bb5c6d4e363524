"""A fast path for JSON objects whose members are all event fields."""

import re
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import msgspec
from msgspec.structs import astuple

from event_warehouse.load.json_fields import SeenFields
from event_warehouse.load.json_layout import JsonLayout
from event_warehouse.load.json_values import MISSING, Value

PLAIN_KEY = re.compile(r"[^\\\"\x00-\x1f]+")


class FlatRows:
    """Makes rows of batches in which no record has other members.

    It handles a batch at once. Decoding to a type generated for the feed takes half the
    time of a dict, and a string without escapes is just the text between its quotes.
    """

    def __init__(self, layout: JsonLayout, template: bytes, seen: SeenFields) -> None:
        self._template = template
        self._decode = _decoder(layout)
        self._unseen = [
            (at, key)
            for at, key in enumerate(layout.keys)
            if key and key in seen.declared_names
        ]
        self._seen = seen

    def rows(
        self, numbers: Sequence[int], records: Sequence[bytes], *, may_have_null: bool
    ) -> list[bytes]:
        """The records' rows; raises MsgspecError if one is not of this shape."""
        values = list(map(astuple, map(self._decode, records)))
        texts = list(map(b"\t".join, values))
        if may_have_null:
            texts = list(map(_replace_null, texts))
        unquoted = [text.translate(None, b'"') for text in texts]
        parts = zip(numbers, unquoted, repeat(MISSING))
        rows = list(map(self._template.__mod__, parts))
        if self._unseen:
            self._note(values)
        return rows

    def _note(self, values: Sequence[tuple[Value, ...]]) -> None:
        found = {
            key
            for at, key in self._unseen
            if any(record[at] is not MISSING for record in values)
        }
        self._seen.names |= found
        self._unseen = [one for one in self._unseen if one[1] not in found]


def are_plain(text: bytes, count: int) -> bool:
    """True if no value of these objects has an escape, or is an array or an object.

    May return False for values that only look like that.
    """
    is_nested = text.count(b"{") > count or b"[" in text
    return not is_nested and b"\\" not in text


def _replace_null(text: bytes) -> bytes:
    """The values with MISSING for null; call before quotes are removed from strings."""
    text = b"\t%b\t" % text
    # Twice, because adjacent nulls share a tab.
    for _ in range(2):
        text = text.replace(b"\tnull\t", b"\t%b\t" % MISSING)
    return text[1:-1]


def can_be_flat(layout: JsonLayout) -> bool:
    """True if each event field is a member of its own at the record's top level."""
    are_own = all(key and PLAIN_KEY.fullmatch(key) for key in layout.keys)
    return bool(layout.keys) and are_own and layout.unwrapped is None


def _decoder(layout: JsonLayout) -> Callable[[bytes], Any]:
    """A decoder from a record to its event fields' values, as undecoded JSON."""
    names = {f"field_{at}": key for at, key in enumerate(layout.keys) if key}
    record = msgspec.defstruct(
        "Record",
        [(name, msgspec.Raw, MISSING) for name in names],
        rename=names,
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(record).decode
