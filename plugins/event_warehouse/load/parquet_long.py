"""Measures rows that may be too long to write out, piece by piece.

As text, a list of numbers takes many times its memory. So a row's text is built whole
only once it is known to be within the limit of a record.
"""

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from event_warehouse.load.lines import OverlongLine
from event_warehouse.load.parquet_text import (
    JSON_ESCAPES,
    escaped,
    is_bytes,
    is_plain,
    is_text,
    json,
    text,
)
from event_warehouse.load.records import KEPT_BYTES, MAX_RECORD_BYTES

USUAL_BYTES = 8
"""The assumed size of a number's text: lists are measured without being written."""
PIECE_BYTES = 256 * 1024
PIECE_VALUES = PIECE_BYTES // USUAL_BYTES

Sizes = npt.NDArray[np.int64]


def text_bytes(batch: pa.RecordBatch) -> Sizes:
    """The approximate text size of each row; exact for strings, except for escapes."""
    sizes = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        if _is_long(column.type):
            sizes += _sizes(column)
    return sizes


def as_overlong_line(row: pa.RecordBatch) -> OverlongLine | None:
    """The beginning and the length of a single row as JSON; None if it is within the
    limit of a record.
    """
    beginning = bytearray()
    byte_count = 0
    for piece in json_pieces(row):
        byte_count += len(piece)
        beginning += piece[: KEPT_BYTES - len(beginning)]
    if byte_count <= MAX_RECORD_BYTES:
        return None
    return OverlongLine(bytes(beginning), byte_count)


def json_pieces(row: pa.RecordBatch) -> Iterator[bytes]:
    """A single row as a JSON object, in pieces of bounded size."""
    return _object(zip(row.schema.names, row.columns, strict=True))


# Sizes ----------------------------------------------------------------------------


def _is_long(kind: pa.DataType) -> bool:
    """True if the text of a value may be long."""
    if isinstance(kind, pa.BaseExtensionType):
        return _is_long(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _is_long(kind.value_type)
    return pa.types.is_nested(kind) or is_text(kind) or is_bytes(kind)


def _sizes(array: pa.Array) -> Sizes:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _sizes(array.storage)
    if not _is_long(kind):
        return np.full(len(array), USUAL_BYTES, np.int64)
    if pa.types.is_dictionary(kind):
        positions = pc.fill_null(array.indices, len(array.dictionary))
        sizes = np.append(_sizes(array.dictionary), 0)
        taken: Sizes = sizes[np.asarray(positions)]
        return taken
    if pa.types.is_struct(kind):
        sizes = np.zeros(len(array), np.int64)
        for member in array.flatten():
            sizes += _sizes(member)
        return sizes
    if pa.types.is_nested(kind):
        return _list_sizes(array)
    lengths = pc.fill_null(pc.binary_length(array.cast(pa.binary())), 0)
    return np.asarray(lengths).astype(np.int64)


def _list_sizes(array: pa.Array) -> Sizes:
    if pa.types.is_map(array.type):
        offsets = np.asarray(array.offsets).astype(np.int64)
        counts = np.diff(offsets)
        elements = array.values.slice(offsets[0], offsets[-1] - offsets[0])
    else:
        lengths = pc.fill_null(pc.list_value_length(array), 0)
        counts = np.asarray(lengths).astype(np.int64)
        elements = array.flatten()
    if not _is_long(elements.type):
        return counts * (USUAL_BYTES + 1)
    # In place, as there may be very many elements.
    sums = _sizes(elements)
    np.cumsum(sums, out=sums)
    ends = np.cumsum(counts)
    up_to = np.where(ends > 0, sums[ends - 1], 0) if len(sums) else ends
    return np.diff(up_to, prepend=0) + counts


# Pieces ---------------------------------------------------------------------------


def _object(members: Iterable[tuple[str, pa.Array]]) -> Iterator[bytes]:
    """A JSON object of single values; nulls are omitted."""
    separator = b"{"
    for name, member in members:
        value = _decoded(member)
        if value[0].is_valid:
            yield separator + msgspec.json.encode(name) + b":"
            yield from _value(value)
            separator = b","
    yield b"{}" if separator == b"{" else b"}"


def _decoded(array: pa.Array) -> pa.Array:
    is_dictionary = pa.types.is_dictionary(array.type)
    return array.dictionary_decode() if is_dictionary else array


def _value(array: pa.Array) -> Iterator[bytes]:
    """A single value as JSON."""
    array = _decoded(array)
    kind = array.type
    if not array[0].is_valid:
        yield b"null"
    elif is_text(kind) or is_bytes(kind):
        yield from _string(array)
    elif pa.types.is_struct(kind):
        names = [field.name for field in kind]
        yield from _object(zip(names, array.flatten(), strict=True))
    elif pa.types.is_map(kind):
        entries = array[0].values
        yield b"{"
        yield from _entries(entries.field(1), entries.field(0))
        yield b"}"
    elif pa.types.is_nested(kind):
        yield b"["
        yield from _entries(array[0].values)
        yield b"]"
    else:
        yield json(array)[0].as_py()


def _entries(values: pa.Array, keys: pa.Array | None = None) -> Iterator[bytes]:
    """The text between the brackets of a list or, with keys, of an object."""
    count = len(values)
    if count == 1:
        if keys is not None:
            yield from _string(text(keys))
            yield b":"
        yield from _value(values)
    elif _is_one_piece(values) and (keys is None or _is_one_piece(keys)):
        ends = pa.array([0, count], pa.int32())
        if keys is None:
            whole = pa.ListArray.from_arrays(ends, values)
        else:
            whole = pa.MapArray.from_arrays(ends, keys, values)
        yield json(whole)[0].as_py()[1:-1]
    else:
        middle = count // 2
        yield from _entries(values[:middle], None if keys is None else keys[:middle])
        yield b","
        yield from _entries(values[middle:], None if keys is None else keys[middle:])


def _is_one_piece(array: pa.Array) -> bool:
    return len(array) <= PIECE_VALUES and int(_sizes(array).sum()) <= PIECE_BYTES


def _string(array: pa.Array) -> Iterator[bytes]:
    """A JSON string; bytes are written as by `text`."""
    kind = array.type
    content = memoryview(array.cast(pa.binary())[0].as_buffer())
    begins = range(0, len(content), PIECE_BYTES)
    parts = [content[begin : begin + PIECE_BYTES] for begin in begins]
    is_fixed = pa.types.is_fixed_size_binary(kind)
    is_hex = is_fixed or (is_bytes(kind) and not is_plain(parts))
    yield rb'"\\x' if is_hex else b'"'
    for part in parts:
        if is_hex:
            yield part.hex().encode()
        else:
            piece = pa.array([bytes(part)], pa.binary())
            yield escaped(piece, JSON_ESCAPES)[0].as_py()
    yield b'"'
