import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_warehouse.load.json_broken import BrokenPiece
from event_warehouse.load.json_objects import (
    ARRAY_UNCLOSED,
    UNCLOSED,
    Found,
    split_objects,
)
from event_warehouse.load.records import KEPT_BYTES, MAX_RECORD_BYTES, OVERLONG

MEBIBYTE = 1024 * 1024


def split(*blocks: bytes, strip_nul: bool = False, limit: int = 1_000) -> list[Found]:
    found = split_objects(iter(blocks), strip_nul=strip_nul, limit=limit)
    return [one for batch in found for one in batch]


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[i : i + size] for i in range(0, len(content), size)]


def broken(found: list[Found]) -> list[bytes]:
    return [one.beginning for one in found if isinstance(one, BrokenPiece)]


def whole(found: list[Found]) -> list[bytes]:
    return [one for one in found if isinstance(one, bytes)]


# What is whole --------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"[]", b" [ ] "])
def test_nothing_is_found_where_nothing_is(content: bytes) -> None:
    assert split(content) == []
    assert split(*cut(content, 1)) == []


@pytest.mark.parametrize("between", [b"", b" ", b"\n", b"\r\n", b"\n\n\t "])
@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
def test_objects_stand_one_after_another(between: bytes, size: int) -> None:
    objects = [b'{"n":%d,"a":{"b":[{},{}]}}' % number for number in range(20)]

    assert split(*cut(between.join(objects), size)) == objects


@pytest.mark.parametrize("between", [b",", b", ", b",\n", b" , ", b"\r\n  ,\r\n  "])
@pytest.mark.parametrize(("first", "last"), [(b"[", b"]"), (b" [\n ", b"\n ]\n")])
@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
def test_objects_are_elements_of_an_array(
    between: bytes, first: bytes, last: bytes, size: int
) -> None:
    objects = [b'{"n":%d,"a":[{"b":1},{"b":2}]}' % number for number in range(20)]

    assert split(*cut(first + between.join(objects) + last, size)) == objects


def test_pretty_printed_object_is_found_as_it_is_written() -> None:
    objects = [
        json.dumps({"n": n, "a": [{"b": 1}, {"b": 2}]}, indent=2).encode()
        for n in range(9)
    ]

    assert split(b"\n".join(objects)) == objects
    assert split(b"[" + b",".join(objects) + b"]") == objects


def test_arrays_may_stand_one_after_another_and_objects_after_them() -> None:
    found = split(b'[{"a":1},{"a":2}]\n[{"a":3}]{"a":4}')

    assert found == [b'{"a":1}', b'{"a":2}', b'{"a":3}', b'{"a":4}']


def test_commas_of_an_array_are_not_counted() -> None:
    assert split(b'[,{"a":1}{"a":2},,{"a":3},]') == [
        b'{"a":1}',
        b'{"a":2}',
        b'{"a":3}',
    ]


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_values_that_are_no_objects_are_found_too(size: int) -> None:
    values = [b"12", b'"a{b"', b"null", b"true", b"[1,[2]]", b"-1.5e+10"]

    assert split(*cut(b'{"a":1}' + b" ".join(values), size)) == [b'{"a":1}', *values]
    assert split(*cut(b"[" + b",".join(values) + b"]", size)) == values


def test_what_looks_like_the_end_of_an_object_may_be_in_a_string() -> None:
    objects = [b'{"a":"}{","b":"},{"}', b'{"a":"\\"}{\\""}', b'{"a":"}\\\\"}'] * 5

    assert split(b"".join(objects)) == objects
    assert split(b"[" + b",".join(objects) + b"]") == objects


def test_byte_order_mark_is_no_part_of_the_first_object() -> None:
    assert split(*cut(b'\xef\xbb\xbf{"a":1}', 1)) == [b'{"a":1}']


# What is broken -------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
@pytest.mark.parametrize(
    "piece",
    [
        b'{"a":1,}',
        b"{'a':'b'}",
        b'{"a":b}',
        b'{"a":1,"b"}',
        b'{"a":01}',
        b'{"a":"b\nc"}',
        b'{"a":"\\x"}',
        b'{"a":1,"b":[{"c":1},{"d":2}],x}',
        b'{"a":x,"b":[{"c":1},\n{"d":2}]}',
        b'{"a":"b"c","d":"e"}',
        b'{"a":1',
        b'{"a":{"b":1}',
        b'{"a":[{"b":1}',
        b'{"a":"b',
        b'{"a":"b}',
        b'{"a":"b,"c":"d"}',
        b'{"a":[1,2}',
        b'{"a":"\\ud800\\ud800"}',
        b'{"a":1]',
    ],
)
def test_broken_object_ends_where_the_next_record_begins(
    piece: bytes, size: int
) -> None:
    first, last = b'{"first":[{}]}', b'{"last":{}}'

    found = split(*cut(first + piece + last + b"\n" + last, size))

    assert whole(found) == [first, last, last]
    assert broken(found) == [piece]


@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
@pytest.mark.parametrize(
    "piece",
    [
        b'{"a":1,}',
        b"{'a':'b'}",
        b'{"a":1,"b"}',
        b'{"a":1,"b":[{"c":1},{"d":2}],x}',
        b'{"a":x,"b":[{"c":1},\n{"d":2}]}',
        b'{"a":1',
        b'{"a":{"b":1}',
        b'{"a":"b',
        b'{"a":"b}',
        b'{"a":"b,"c":"d"}',
        b"[1,x]",
        b"nul",
        b"'a'",
    ],
)
def test_broken_element_ends_where_the_next_begins(piece: bytes, size: int) -> None:
    first, last = b'{"first":[{}]}', b'{"last":{}}'

    found = split(*cut(b"[%b, %b,\n %b,%b]" % (first, piece, last, last), size))

    assert whole(found) == [first, last, last]
    assert broken(found) == [piece]


@pytest.mark.parametrize("ending", [b",", b":", b'"b":', b'"b":"', b"[", b"", b" "])
def test_object_cut_off_within_its_line_ends_with_it(ending: bytes) -> None:
    piece = b'{"a":1,' + ending if ending != b"[" else b'{"a":1'

    found = split(piece + b'\n{"last":1}\n{"last":2}\n')

    assert whole(found)[-1] == b'{"last":2}'
    assert broken(found) == [piece.rstrip()]


def test_last_element_without_its_bracket_leaves_the_array_s_to_the_array() -> None:
    found = split(b'[{"a":1},{"b":2]')

    assert found == [
        b'{"a":1}',
        BrokenPiece(
            b'{"b":2',
            6,
            "is not a JSON object: JSON is malformed: expected ',' or '}' (byte 6)",
        ),
    ]


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_garbage_ends_with_its_line_or_where_an_object_begins(size: int) -> None:
    found = split(*cut(b'what\nis it{"a":1}, \xef\xbb\xbf{"a":2}}\n\0{"a":3}', size))

    assert whole(found) == [b'{"a":1}', b'{"a":2}', b'{"a":3}']
    assert broken(found) == [b"what", b"is it", b", \xef\xbb\xbf", b"}", b"\0"]


@pytest.mark.parametrize("size", [1, 2, 1_000])
@pytest.mark.parametrize(
    "piece", [b'{"a":1', b'{"a":"b', b'{"a":{"b":1}', b'{"a":-', b"{"]
)
def test_object_never_closed_is_told(piece: bytes, size: int) -> None:
    found = split(*cut(b'{"a":1}\n' + piece + b" \n", size))

    assert found == [b'{"a":1}', BrokenPiece(piece, len(piece), UNCLOSED)]


@pytest.mark.parametrize("size", [1, 2, 1_000])
@pytest.mark.parametrize("ending", [b"", b" \n", b",", b" , "])
def test_array_that_ends_after_an_element_is_told(ending: bytes, size: int) -> None:
    found = split(*cut(b'[{"a":1},{"a":2}' + ending, size))

    assert found == [b'{"a":1}', b'{"a":2}', BrokenPiece(b"", 0, ARRAY_UNCLOSED)]


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_array_that_ends_in_an_element_is_told_with_it(size: int) -> None:
    found = split(*cut(b'[{"a":1},{"a":', size))

    reason = "is never closed, and the array ends early"
    assert found == [b'{"a":1}', BrokenPiece(b'{"a":', 5, reason)]


def test_array_without_an_element_that_is_not_closed_is_told() -> None:
    assert split(b"[") == [BrokenPiece(b"", 0, ARRAY_UNCLOSED)]


@pytest.mark.parametrize("size", [1_000, 65_536, 10_000_000])
@pytest.mark.parametrize("opened", [b"[", b'{"a":'])
def test_nesting_of_any_depth_is_one_piece(opened: bytes, size: int) -> None:
    closed = {b"[": b"]", b'{"a":': b"}"}[opened]
    deep = b'{"n":' + opened * 100_000 + b"1" + closed * 100_000 + b"}"

    found = split(*cut(deep + b'{"a":1}', size), limit=MAX_RECORD_BYTES)

    assert found == [
        BrokenPiece(deep, len(deep), "is JSON nested too deep"),
        b'{"a":1}',
    ]


# What is too long -----------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 64, 100, 10_000])
@pytest.mark.parametrize(
    "long",
    [
        b'{"a":"%b"}' % (b"b" * 200),
        b'{"a":[%b1]}' % (b'{"b":"\\\\\\"{"},\n' * 20),
        b'{"a":"%b"}' % (b'\\"' * 100),
        b'{"a":"%b"}' % (b"\\\\" * 100),
    ],
)
def test_overlong_object_is_told_with_its_length(long: bytes, size: int) -> None:
    found = split(*cut(b'{"a":1}' + long + b'\n{"a":2}', size), limit=150)

    assert found == [b'{"a":1}', BrokenPiece(long, len(long), OVERLONG), b'{"a":2}']


def test_object_of_just_the_limit_is_whole() -> None:
    assert split(b'{"a":1}{"a":12}', limit=7) == [
        b'{"a":1}',
        BrokenPiece(b'{"a":12}', 8, OVERLONG),
    ]


def test_no_more_than_a_beginning_is_kept_of_an_overlong_object() -> None:
    blocks = iter([b'{"a":"', *[b"b" * MEBIBYTE] * 40, b'"}{"a":1}'])

    long, last = split(*blocks, limit=2 * MEBIBYTE)

    assert isinstance(long, BrokenPiece)
    assert long.byte_count == 40 * MEBIBYTE + 8
    assert long.beginning == (b'{"a":"' + b"b" * MEBIBYTE)[:KEPT_BYTES]
    assert last == b'{"a":1}'


def test_long_object_is_not_read_again_with_each_block() -> None:
    content = b'{"a":"' + b"b" * 8 * MEBIBYTE + b'"}'

    assert split(*cut(content, 1024), limit=MAX_RECORD_BYTES) == [content]


# NULs -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_values_come_with_the_nuls_inside_them(size: int) -> None:
    content = b'\0{"a":"b\0c"}\0\0{"a":1\0002}{"a":3} {\0"a":t\0rue}'

    found = split(*cut(content, size), strip_nul=True)

    assert found == [
        b'{"a":"b\0c"}',
        b'{"a":1\0002}',
        b'{"a":3}',
        b'{\0"a":t\0rue}',
    ]


@pytest.mark.parametrize("size", [1, 2, 100, 1_000])
def test_broken_piece_comes_with_its_nuls(size: int) -> None:
    piece = b'{"a":"b\0c",' + b'"d":\0"e",' * 30 + b"\0}"

    found = split(*cut(b'{"a":1}' + piece + b'{"a":\0002}', size), strip_nul=True)

    assert broken(found) == [piece]
    assert whole(found) == [b'{"a":1}', b'{"a":\0002}']


# Properties -----------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('{}[],:"\\\n ab', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("{}a"), inner, max_size=3)
    ),
    max_leaves=5,
)
OBJECTS = st.lists(st.dictionaries(st.text("{}a"), VALUES, max_size=3), max_size=5)
CUTS = st.lists(st.integers(0, 400), max_size=8)


def cut_at(content: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(content), *(min(place, len(content)) for place in cuts)})
    return [content[a:b] for a, b in pairwise(places)]


@given(
    OBJECTS, st.sampled_from([None, 0, 1, 3]), st.sampled_from(["", "\n", " "]), CUTS
)
def test_objects_are_found_however_they_are_written_and_cut(
    objects: list[object], indent: int | None, between: str, cuts: list[int]
) -> None:
    content = between.join(json.dumps(one, indent=indent) for one in objects)

    found = split(*cut_at(content.encode(), cuts))

    assert [json.loads(one) for one in whole(found)] == objects
    assert broken(found) == []


@given(OBJECTS, st.sampled_from([None, 0, 1, 3]), CUTS)
def test_elements_are_found_however_the_array_is_written_and_cut(
    objects: list[object], indent: int | None, cuts: list[int]
) -> None:
    content = json.dumps(objects, indent=indent).encode()

    found = split(*cut_at(content, cuts))

    assert [json.loads(one) for one in whole(found)] == objects
    assert broken(found) == []


@given(
    OBJECTS,
    st.booleans(),
    st.integers(0, 300),
    st.sampled_from(b'{}[],:"\\\n\0\xff x1'),
    st.sampled_from(["put", "left out", "put in"]),
    CUTS,
)
def test_wrong_byte_anywhere_loses_nothing(
    objects: list[object],
    is_array: bool,
    place: int,
    byte: int,
    how: str,
    cuts: list[int],
) -> None:
    written = json.dumps(objects) if is_array else "".join(map(json.dumps, objects))
    content = written.encode()
    rest = content[place:] if how == "put in" else content[place + 1 :]
    wrong = content[:place] + bytes([byte] if how != "left out" else []) + rest

    found = split(*cut_at(wrong, cuts))

    assert_covered(wrong, found)
    assert found == split(wrong)


@given(st.lists(st.sampled_from(list(b'{}[],:"\\\n 1ax\0')), max_size=60), CUTS)
def test_no_byte_of_any_text_is_lost(characters: list[int], cuts: list[int]) -> None:
    content = bytes(characters)

    found = split(*cut_at(content, cuts))

    assert_covered(content, found)
    assert found == split(content)


def assert_covered(content: bytes, found: list[Found]) -> None:
    """The pieces stand in this order, and between them is nothing but separators."""
    for one in found:
        piece = one if isinstance(one, bytes) else one.beginning
        start = content.index(piece)
        assert content[:start].strip(b" \t\r\n,[]") == b""
        content = content[start + len(piece) :]
    assert content.strip(b" \t\r\n,[]") == b""
