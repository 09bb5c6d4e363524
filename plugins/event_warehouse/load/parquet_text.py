"""Writes Arrow values as text, a column at a time: as an event field or as JSON.

Texts are arrays of bytes, because they may not be valid UTF-8. A null stays null.
"""

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from event_warehouse.load.json_depth import is_too_deep

COPY_ESCAPES = {
    ord("\\"): b"\\\\",
    ord("\t"): b"\\t",
    ord("\n"): b"\\n",
    ord("\r"): b"\\r",
}
# The backslash first, because the other escapes add backslashes.
JSON_ESCAPES = {
    ord("\\"): b"\\\\",
    ord('"'): b'\\"',
    **{byte: b"\\u%04x" % byte for byte in range(0x20)},
    ord("\b"): b"\\b",
    ord("\f"): b"\\f",
    ord("\n"): b"\\n",
    ord("\r"): b"\\r",
    ord("\t"): b"\\t",
}
HEX_DIGITS = np.array([b"%02x" % byte for byte in range(256)])
UUID_PARTS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
NULL = pa.scalar(None, pa.binary())

_check_document = msgspec.json.Decoder(msgspec.Raw).decode


def text(array: pa.Array) -> pa.BinaryArray:
    """Each value as text for an event field: strings as they are, objects as JSON."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _of_dictionary(array, text)
    if isinstance(kind, pa.UuidType):
        return _of_uuids(array.storage)
    if isinstance(kind, pa.BaseExtensionType):
        return text(array.storage)
    if is_text(kind):
        return array.cast(pa.binary())
    if is_bytes(kind):
        return _of_bytes(array)
    return json(array) if pa.types.is_nested(kind) else _of_scalars(array)


def json(array: pa.Array) -> pa.BinaryArray:
    """Each value as JSON; types that JSON lacks become strings.

    Null members of objects are omitted, null elements of lists are kept.
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _of_dictionary(array, json)
    if isinstance(kind, pa.JsonType):
        return _documents(array.storage.cast(pa.binary()))
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        objects = json_objects(names, array.flatten(), row_count=len(array))
        return _null_as_in(array, objects)
    if pa.types.is_map(kind):
        return _maps(array)
    if pa.types.is_nested(kind):
        return _lists(array)
    if pa.types.is_floating(kind):
        numbers = text(array)
        return pc.if_else(_is_finite(array), numbers, _quoted(numbers))
    if _has_json_literals(kind):
        return text(array)
    return _quoted(text(array))


def json_objects(
    names: Sequence[str], arrays: Sequence[pa.Array], *, row_count: int
) -> pa.BinaryArray:
    """One JSON object per row; null members are omitted."""
    members = [
        concatenate(b"," + msgspec.json.encode(name) + b":", json(array))
        for name, array in zip(names, arrays, strict=True)
    ]
    begun = pc.binary_replace_slice(join_present(members, row_count), 0, 1, b"{")
    return concatenate(begun, b"}")


def escaped(array: pa.BinaryArray, escapes: Mapping[int, bytes]) -> pa.BinaryArray:
    """The text with each of the bytes replaced, in the order of the escapes."""
    content = content_of(array)
    if not len(content):
        return array
    lowest = content.min()
    for byte, escape in escapes.items():
        # Searching is fast, replacing is not, and most text needs no escapes.
        if byte >= lowest and (content == byte).any():
            array = pc.replace_substring(array, bytes([byte]), escape)
    return array


def concatenate(*parts: bytes | pa.BinaryArray) -> pa.BinaryArray:
    """Concatenates the parts row by row; null where any of them is null."""
    return join(parts, b"")


def join_present(parts: Sequence[pa.BinaryArray], row_count: int) -> pa.BinaryArray:
    """Concatenates the parts that are not null; empty where all are null."""
    # Arrow's own option to skip nulls drops rows in which all parts are null.
    empty = pa.repeat(pa.scalar(b"", pa.binary()), row_count)
    return join([empty, *parts], b"", null_handling="replace", null_replacement=b"")


def join(
    parts: Sequence[bytes | pa.BinaryArray], separator: bytes, **options: object
) -> pa.BinaryArray:
    """Joins the parts row by row; the options say how to treat nulls."""
    binary = [
        pa.scalar(part, pa.binary()) if isinstance(part, bytes) else part
        for part in (*parts, separator)
    ]
    return pc.binary_join_element_wise(*binary, **options)


def is_text(kind: pa.DataType) -> bool:
    """True of string types."""
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in tests)


def is_bytes(kind: pa.DataType) -> bool:
    """True of binary types."""
    tests = (
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
        pa.types.is_fixed_size_binary,
    )
    return any(test(kind) for test in tests)


def _has_json_literals(kind: pa.DataType) -> bool:
    tests = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def _of_dictionary(
    array: pa.DictionaryArray, convert: Callable[[pa.Array], pa.BinaryArray]
) -> pa.BinaryArray:
    """Converts the dictionary's values or the array's, whichever are fewer."""
    if len(array.dictionary) > len(array):
        return convert(array.dictionary_decode())
    return convert(array.dictionary).take(array.indices)


def _quoted(array: pa.BinaryArray) -> pa.BinaryArray:
    return concatenate(b'"', escaped(array, JSON_ESCAPES), b'"')


def _null_as_in(array: pa.Array, found: pa.BinaryArray) -> pa.BinaryArray:
    return pc.if_else(array.is_valid(), found, NULL) if array.null_count else found


def content_of(array: pa.BinaryArray) -> npt.NDArray[np.uint8]:
    """The bytes of all values, concatenated."""
    _, offsets, content = array.buffers()
    if content is None or not len(array):
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)
    begin, end = ends[array.offset], ends[array.offset + len(array)]
    return np.frombuffer(content, np.uint8)[begin:end]


# Values without members -----------------------------------------------------------


def _of_scalars(array: pa.Array) -> pa.BinaryArray:
    kind = array.type
    if pa.types.is_timestamp(kind):
        return _of_timestamps(array)
    if pa.types.is_floating(kind):
        return _of_floats(array)
    if pa.types.is_duration(kind):
        return concatenate(_cast(array.cast(pa.int64())), kind.unit.encode())
    return _cast(array)


def _cast(array: pa.Array) -> pa.BinaryArray:
    return array.cast(pa.string()).cast(pa.binary())


def _of_timestamps(array: pa.TimestampArray) -> pa.BinaryArray:
    """ISO 8601 in the precision of the type: UTC with Z, or local without an offset."""
    local = array.view(pa.timestamp(array.type.unit))
    written = _cast(local)
    zone = b"Z" if array.type.tz else b""
    iso = concatenate(pc.replace_substring(written, b" ", b"T"), zone)
    # Arrow doesn't write years beyond 32767; those become numbers.
    is_written = pc.invert(pc.starts_with(written, b"<"))
    if pc.all(is_written).as_py() is False:
        return pc.if_else(is_written, iso, _cast(local.cast(pa.int64())))
    return iso


def _of_floats(array: pa.Array) -> pa.BinaryArray:
    """The fewest digits that read as the same number; no exponent below 1e16."""
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    written = _cast(array)
    if pc.all(_is_finite(array)).as_py() is False:
        written = pc.replace_substring(written, b"nan", b"NaN")
        written = pc.replace_substring(written, b"inf", b"Infinity")
    # Arrow writes exponents from 1e10 on, even for identifiers and milliseconds.
    has_exponent = pc.fill_null(pc.match_substring(written, b"e+"), False)
    if large := array.filter(has_exponent).to_pylist():
        plain = pa.array(map(_plain_number, large), pa.binary())
        written = pc.replace_with_mask(written, has_exponent, plain)
    return written


def _plain_number(number: float) -> bytes:
    return repr(number).removesuffix(".0").encode()


def _is_finite(array: pa.Array) -> pa.BooleanArray:
    return pc.is_finite(array.cast(pa.float64()))


def _of_bytes(array: pa.Array) -> pa.BinaryArray:
    """Text if it is UTF-8; otherwise, and for fixed-size types, hex as in Postgres."""
    binary = array.cast(pa.binary())
    if pa.types.is_fixed_size_binary(array.type):
        return concatenate(b"\\x", _hex(binary))
    are_plain = [value is None or is_plain([value]) for value in binary.to_pylist()]
    if not all(are_plain):
        return pc.if_else(
            pa.array(are_plain), binary, concatenate(b"\\x", _hex(binary))
        )
    return binary


def is_plain(parts: Iterable[bytes | memoryview]) -> bool:
    """True if the bytes, given in parts, are text that Postgres accepts."""
    decoder = getincrementaldecoder("utf-8")()
    try:
        if any("\0" in decoder.decode(part) for part in parts):
            return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _hex(array: pa.BinaryArray) -> pa.BinaryArray:
    begin, end = array.offset, array.offset + len(array) + 1
    ends = np.frombuffer(array.buffers()[1], np.int32)[begin:end]
    digits = HEX_DIGITS[content_of(array)].tobytes()
    found = pa.BinaryArray.from_buffers(
        pa.binary(),
        len(array),
        [None, pa.py_buffer((ends - ends[0]) * 2), pa.py_buffer(digits)],
    )
    return _null_as_in(array, found)


def _of_uuids(array: pa.FixedSizeBinaryArray) -> pa.BinaryArray:
    digits = _hex(array.cast(pa.binary()))
    parts = [pc.binary_slice(digits, begin, end) for begin, end in UUID_PARTS]
    return join(parts, b"-")


# Nested values --------------------------------------------------------------------


def _documents(array: pa.BinaryArray) -> pa.BinaryArray:
    """Valid JSON as it stands, anything else as a JSON string."""
    is_json = pa.array([_is_json(value) for value in array.to_pylist()], pa.bool_())
    return pc.if_else(is_json, array, _quoted(array))


def _is_json(value: bytes | None) -> bool:
    if value is None:
        return True
    try:
        _check_document(value)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return not is_too_deep(value)


def _lists(array: pa.Array) -> pa.BinaryArray:
    plain = pa.list_(array.type.value_type)
    if pa.types.is_list_view(array.type) or pa.types.is_large_list_view(array.type):
        # Arrow's cast loses the values.
        array = pa.array(array.to_pylist(), plain)
    array = array.cast(plain)
    elements = pc.fill_null(json(_between(array.offsets, array.values)), b"null")
    joined = _joined(array.offsets, elements)
    return _null_as_in(array, concatenate(b"[", joined, b"]"))


def _maps(array: pa.MapArray) -> pa.BinaryArray:
    keys = _quoted(text(_between(array.offsets, array.keys)))
    values = pc.fill_null(json(_between(array.offsets, array.items)), b"null")
    joined = _joined(array.offsets, concatenate(keys, b":", values))
    return _null_as_in(array, concatenate(b"{", joined, b"}"))


def _between(offsets: pa.Array, values: pa.Array) -> pa.Array:
    begin, end = offsets[0].as_py(), offsets[-1].as_py()
    return values.slice(begin, end - begin)


def _joined(offsets: pa.Array, elements: pa.BinaryArray) -> pa.BinaryArray:
    """The elements of each list, separated by commas."""
    begins = pc.subtract(offsets, offsets[0])
    lists = pa.ListArray.from_arrays(begins, elements)
    return pc.binary_join(lists, pa.scalar(b",", pa.binary()))
