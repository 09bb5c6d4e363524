"""Makes rows of JSON objects whose members are all event fields, and quickly."""

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
    """Makes the rows of batches of which no record has other members.

    All of a batch is done at once: a type that is made for the feed is decoded in half
    the time of a dict, and without escapes a string is what stands between its quotes.
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

    It may say False of what only looks like one of them.
    """
    is_nested = text.count(b"{") > count or b"[" in text
    return not is_nested and b"\\" not in text


def _replace_null(text: bytes) -> bytes:
    """The texts of values with MISSING for null; a string still has its quotes."""
    text = b"\t%b\t" % text
    # Twice, because two that stand side by side share a tab.
    for _ in range(2):
        text = text.replace(b"\tnull\t", b"\t%b\t" % MISSING)
    return text[1:-1]


def can_be_flat(layout: JsonLayout) -> bool:
    """True if each event field is a member of its own at the record's top level."""
    are_own = all(key and PLAIN_KEY.fullmatch(key) for key in layout.keys)
    return bool(layout.keys) and are_own and layout.unwrapped is None


def _decoder(layout: JsonLayout) -> Callable[[bytes], Any]:
    """Decodes a record into its event fields' values as they are written."""
    names = {f"field_{at}": key for at, key in enumerate(layout.keys) if key}
    record = msgspec.defstruct(
        "Record",
        [(name, msgspec.Raw, MISSING) for name in names],
        rename=names,
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(record).decode
