"""Makes rows for COPY from JSON objects.

Values keep their text: numbers, and all values in `attributes`, arrive in `raw` exactly
as written in the file. If an object has a member twice, the last one counts, as in
Postgres.
"""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from event_warehouse.feeds import Feed
from event_warehouse.load.json_depth import (
    MAX_DEPTH,
    TOO_DEEP,
    DepthError,
    check_depth,
)
from event_warehouse.load.json_fields import SeenFields
from event_warehouse.load.json_flat import FlatRows, are_plain, can_be_flat
from event_warehouse.load.json_layout import JsonLayout, lay_out, unwrap
from event_warehouse.load.json_nul import ESCAPED_NUL, without_nul
from event_warehouse.load.json_values import (
    MISSING,
    Members,
    NulError,
    Value,
    copied_all,
    decode_members,
    escaped,
    text_of,
)
from event_warehouse.load.records import (
    NUL,
    Batch,
    StrippedLine,
    is_utf8,
    keep_original,
    reject,
)

ERRORS = (
    msgspec.MsgspecError,
    UnicodeDecodeError,
    RecursionError,
    NulError,
    DepthError,
)


class JsonRows:
    """Makes the rows of one load."""

    def __init__(self, feed: Feed, load_id: int) -> None:
        self._layout = layout = lay_out(feed)
        self._template = _template(layout, load_id)
        self.seen = SeenFields(feed)
        self._flat = None
        if can_be_flat(layout):
            self._flat = FlatRows(layout, self._template, self.seen)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `raw.events_raw`, in the order of the rows."""
        layout = self._layout
        constants = [field for field, _ in layout.constants]
        return ("load_id", "line_number", *constants, *layout.columns, "attributes")

    def batch(self, numbers: Sequence[int], records: Sequence[bytes]) -> Batch:
        """The rows of the valid records, and the rejected ones.

        Records of nothing but white space are skipped.
        """
        text = b"\n".join(records)
        strips = self._layout.strips_nul and (NUL in text or ESCAPED_NUL in text)
        is_clean = is_utf8(text) and not strips
        if self._flat and is_clean and are_plain(text, len(records)):
            with suppress(msgspec.MsgspecError):
                rows = self._flat.rows(numbers, records, may_have_null=b"null" in text)
                self.seen.has_records |= bool(rows)
                return Batch(b"".join(rows), len(rows))
        return self._batch_singly(numbers, records, is_clean)

    def _batch_singly(
        self, numbers: Sequence[int], records: Sequence[bytes], is_clean: bool
    ) -> Batch:
        rows: list[bytes] = []
        batch = Batch(b"", 0)
        for number, record in zip(numbers, records, strict=True):
            try:
                rows.append(self._row(number, record, batch.stripped, is_clean))
            except ERRORS as error:
                if record.strip():
                    batch.rejected.append(reject(number, record, _reason(error)))
        self.seen.has_records |= bool(rows)
        batch.rows, batch.row_count = b"".join(rows), len(rows)
        return batch

    def _row(
        self, number: int, record: bytes, stripped: list[StrippedLine], is_clean: bool
    ) -> bytes:
        if is_clean:
            return self._clean_row(number, record)
        clean = without_nul(record) if self._layout.strips_nul else record
        clean.decode("utf-8")  # The decoder doesn't check values that it leaves raw.
        row = self._clean_row(number, clean)
        if clean != record:
            stripped.append(keep_original(number, record))
        return row

    def _clean_row(self, number: int, record: bytes) -> bytes:
        layout = self._layout
        check_depth(record)
        members = decode_members(record)
        if layout.unwrapped:
            unwrap(members, layout.unwrapped)
        self.seen.note(members, record)
        if len(record) > MAX_DEPTH:
            self._check_json_attributes(members)
        found = [(at, read(members)) for at, read in layout.readers]
        values: list[Value] = [
            members.pop(key, MISSING) if key else MISSING for key in layout.keys
        ]
        for at, value in found:
            values[at] = value
        for key in layout.consumed:
            members.pop(key, None)
        attributes = escaped(msgspec.json.encode(members)) if members else MISSING
        return self._template % (number, copied_all(values, record), attributes)

    def _check_json_attributes(self, members: Members) -> None:
        """Checks the depth of JSON inside strings that are declared as JSON."""
        for read in self._layout.json_attributes:
            value = read(members)
            if bytes(value)[:1] == b'"':
                check_depth((text_of(value) or "").encode())


def _template(layout: JsonLayout, load_id: int) -> bytes:
    """A template for a row: its number, tab-separated event fields and attributes."""
    constants = [escaped(value.encode()) + b"\t" for _, value in layout.constants]
    written = b"".join(constants).replace(b"%", b"%%")
    fields = b"%b\t" if layout.columns else b"%b"
    return b"%d\t%%d\t" % load_id + written + fields + b"%b\n"


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    if isinstance(error, RecursionError):
        return TOO_DEEP
    if isinstance(error, msgspec.MsgspecError):
        return f"is not a JSON object: {error}"
    return str(error)
