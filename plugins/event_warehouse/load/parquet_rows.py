"""Makes rows for COPY from the columns of a Parquet file.

Works a column at a time; only bad rows are handled one by one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from event_warehouse.load.json_depth import MAX_DEPTH, TOO_DEEP, is_too_deep
from event_warehouse.load.json_nul import ESCAPED_NUL, without_nul
from event_warehouse.load.parquet_batches import Rows
from event_warehouse.load.parquet_columns import Columns, find
from event_warehouse.load.parquet_layout import ParquetLayout, Source
from event_warehouse.load.parquet_text import (
    COPY_ESCAPES,
    NULL,
    concatenate,
    content_of,
    escaped,
    join,
    join_present,
    json_objects,
    text,
)
from event_warehouse.load.records import (
    MAX_RECORD_BYTES,
    NUL,
    OVERLONG,
    Batch,
    RejectedLine,
    is_utf8,
    keep_original,
    reject,
)

COPY_NULL = b"\\N"
NUL_HELD = "holds a NUL character"


@dataclass(frozen=True)
class _Values:
    """The texts, one per row, for a column of `raw.events_raw`."""

    texts: pa.BinaryArray
    is_json: bool


class ParquetRows:
    """Makes the rows of one load."""

    def __init__(self, layout: ParquetLayout, load_id: int) -> None:
        self._layout = layout
        self._load_id = b"%d" % load_id
        constants = pa.array([value for _, value in layout.constants], pa.binary())
        self._constants: list[bytes] = escaped(constants, COPY_ESCAPES).to_pylist()

    def batch(self, rows: Rows, line_number: int) -> Batch:
        """Rows for COPY, and rejected ones; line_number is that of the first row."""
        if overlong := rows.overlong:
            beginning, length = overlong.beginning, overlong.byte_count
            rejected = RejectedLine(line_number, OVERLONG, beginning, length)
            return Batch(b"", 0, [rejected])
        row_count = rows.batch.num_rows
        columns = self._layout.columns_of(rows.batch)
        values = self._values(columns, row_count)
        stripped: set[int] = set()
        if self._layout.strips_nul:
            values, stripped = _without_nuls(values)
        lines = self._lines(values, line_number, row_count)
        content = content_of(lines).tobytes()
        reasons = _reasons(lines, content) | self._too_deep(columns)
        if reasons:
            content = content_of(_without(lines, reasons)).tobytes()
        batch = Batch(content, row_count - len(reasons))
        kept = sorted(stripped | reasons.keys())
        for position, line in zip(kept, _as_json(rows.batch, kept), strict=True):
            number = line_number + position
            if position in reasons:
                batch.rejected.append(reject(number, line, reasons[position]))
            else:
                batch.stripped.append(keep_original(number, line))
        return batch

    def _values(self, columns: Columns, row_count: int) -> list[_Values]:
        """The values of the event fields and, if there are any, the attributes."""
        values = [_field(columns, source, row_count) for source in self._layout.fields]
        if names := self._layout.attributes:
            arrays = [columns[name] for name in names]
            objects = json_objects(names, arrays, row_count=row_count)
            is_empty = pc.equal(objects, pa.scalar(b"{}", pa.binary()))
            values.append(_Values(pc.if_else(is_empty, NULL, objects), is_json=True))
        return values

    def _lines(
        self, values: Iterable[_Values], line_number: int, row_count: int
    ) -> pa.BinaryArray:
        numbers = pa.array(np.arange(line_number, line_number + row_count))
        texts = [escaped(value.texts, COPY_ESCAPES) for value in values]
        lines = join(
            [self._load_id, text(numbers), *self._constants, *texts],
            b"\t",
            null_handling="replace",
            null_replacement=COPY_NULL,
        )
        return concatenate(lines, b"\n")

    def _too_deep(self, columns: Columns) -> dict[int, str]:
        """The rows with a declared JSON field that is nested too deep for Postgres."""
        found = {}
        for path in self._layout.json_attributes:
            array = find(columns, path)
            texts = text(array)
            for position in _positions(pc.greater(pc.binary_length(texts), MAX_DEPTH)):
                if is_too_deep(texts[position].as_py()):
                    found[position] = TOO_DEEP
        return found


def _field(columns: Columns, source: Source, row_count: int) -> _Values:
    arrays = [find(columns, path) for path in source.paths]
    if len(arrays) == 1:
        return _Values(text(arrays[0]), is_json=_is_json(arrays[0]))
    separator = source.separator.encode()
    parts = [_not_empty(text(array)) for array in arrays]
    joined = join_present([concatenate(separator, part) for part in parts], row_count)
    joined = pc.binary_replace_slice(joined, 0, len(separator), b"")
    return _Values(_not_empty(joined), is_json=False)


def _not_empty(texts: pa.BinaryArray) -> pa.BinaryArray:
    return pc.if_else(pc.greater(pc.binary_length(texts), 0), texts, NULL)


def _is_json(array: pa.Array) -> bool:
    return pa.types.is_nested(array.type) or isinstance(array.type, pa.JsonType)


def _without_nuls(values: Iterable[_Values]) -> tuple[list[_Values], set[int]]:
    """The values without NUL characters, and the rows that had some."""
    cleaned = []
    stripped: set[int] = set()
    for value in values:
        nul = ESCAPED_NUL if value.is_json else NUL
        positions = _positions(pc.match_substring(value.texts, nul))
        if positions:
            texts = value.texts.to_pylist()
            strip = without_nul if value.is_json else _without_nul_bytes
            for position in positions:
                before = texts[position]
                texts[position] = strip(before)
                if texts[position] != before:
                    stripped.add(position)
            value = _Values(pa.array(texts, pa.binary()), value.is_json)
        cleaned.append(value)
    return cleaned, stripped


def _without_nul_bytes(text: bytes) -> bytes:
    return text.replace(NUL, b"")


def _positions(is_so: pa.BooleanArray) -> list[int]:
    found: list[int] = pc.indices_nonzero(is_so).to_pylist()
    return found


def _reasons(lines: pa.BinaryArray, content: bytes) -> dict[int, str]:
    """Why rows are rejected, by position."""
    longest = pc.max(pc.binary_length(lines)).as_py()
    if NUL not in content and is_utf8(content) and longest <= MAX_RECORD_BYTES:
        return {}
    reasons = ((n, _reason(line)) for n, line in enumerate(lines.to_pylist()))
    return {position: reason for position, reason in reasons if reason}


def _reason(line: bytes) -> str | None:
    if len(line) > MAX_RECORD_BYTES:
        return OVERLONG
    if NUL in line:
        return NUL_HELD
    return None if is_utf8(line) else "is not UTF-8"


def _without(lines: pa.BinaryArray, positions: Iterable[int]) -> pa.BinaryArray:
    is_kept = np.ones(len(lines), bool)
    is_kept[list(positions)] = False
    return lines.filter(pa.array(is_kept))


def _as_json(batch: pa.RecordBatch, positions: Sequence[int]) -> list[bytes]:
    """The original rows at the positions, each a JSON object."""
    if not positions:
        return []
    objects = json_objects(batch.schema.names, batch.columns, row_count=batch.num_rows)
    # Select from the texts, because Arrow's `take` doesn't support every type.
    found: list[bytes] = objects.take(pa.array(positions)).to_pylist()
    return found
