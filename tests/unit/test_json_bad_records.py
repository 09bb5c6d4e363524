"""Every kind of bad record, in each of the forms that records come in."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_warehouse.feeds import EventField, Feed
from event_warehouse.load.csv_records import read_csv
from event_warehouse.load.json_records import read_json, read_json_lines
from event_warehouse.load.lines import split_at_lines
from event_warehouse.load.records import (
    KEPT_BYTES,
    MAX_RECORD_BYTES,
    Records,
    RejectedLine,
    StrippedLine,
)

FIRST, LAST = b'{"event_id":"first","n":[{}]}', b'{"event_id":"last","n":{"m":1}}'
FORMS = ["lines", "stream", "stream without separators", "array"]


def feed_of(form: str, **changes: object) -> Feed:
    declared = {
        "name": "clicks",
        "files": "clicks/*",
        "format": {"csv": "csv", "lines": "json_lines"}.get(form, "json"),
        "fields": {EventField.EVENT_TIME: "at"},
        "attributes": {"n": "json"},
    }
    return Feed.model_validate(declared | changes)


def write(form: str, *records: bytes) -> bytes:
    if form == "array":
        return b"[" + b",".join(records) + b"]"
    return b"".join(records) if "without" in form else b"\n".join(records) + b"\n"


@dataclass(frozen=True)
class Read:
    """What became of a file."""

    event_ids: list[str | None] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    rejected: list[RejectedLine] = field(default_factory=list)
    stripped: list[StrippedLine] = field(default_factory=list)

    @property
    def bad(self) -> list[bytes]:
        return [one.line for one in self.rejected]


def read(form: str, *blocks: bytes, **changes: object) -> Read:
    feed = feed_of(form, **changes)
    if form == "csv":
        return result_of(read_csv(split_at_lines(blocks), feed, load_id=7))
    if form == "lines":
        return result_of(read_json_lines(split_at_lines(blocks), feed, load_id=7))
    return result_of(read_json(blocks, feed, load_id=7))


def result_of(records: Records) -> Read:
    result = Read()
    names = list(map(str, records.columns))
    for batch in records.batches:
        rows = list(parse(batch.rows.decode(), names, records.copy_format))
        assert len(rows) == batch.row_count
        result.event_ids.extend(row["event_id"] for row in rows)
        result.numbers.extend(int(row["line_number"] or 0) for row in rows)
        result.rejected.extend(batch.rejected)
        result.stripped.extend(batch.stripped)
    numbers = [*result.numbers, *(one.line_number for one in result.rejected)]
    assert len(numbers) == len(set(numbers))
    return result


def parse(text: str, names: list[str], form: str) -> Iterable[dict[str, str | None]]:
    if form == "csv":
        return csv.DictReader(io.StringIO(text, newline="\n"), names, strict=True)
    lines = [line.split("\t") for line in text.split("\n")[:-1]]
    return [dict(zip(names, line, strict=True)) for line in lines]


DEEP = b'{"n":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
NO_OBJECT = "is not a JSON object: Expected `object`, got "
BAD = {
    "NUL": (b'{"event_id":"a\0b"}', "invalid character"),
    "NUL escape": (rb'{"event_id":"a\u0000b"}', "holds a NUL character"),
    "bad UTF-8": (b'{"event_id":"\xff"}', "is not UTF-8"),
    "bad UTF-8 in an attribute": (b'{"n":["\xed\xa0\x80"]}', "is not UTF-8"),
    "deep": (DEEP, "is JSON nested too deep"),
    "not so deep": (b'{"n":' + b"[" * 700 + b"]" * 700 + b"}", "nested too deep"),
    "number": (b"1", NO_OBJECT + "`int`"),
    "string": (b'"a"', NO_OBJECT + "`str`"),
    "null": (b"null", NO_OBJECT + "`null`"),
    "array": (b'[{"a":1},2]', NO_OBJECT + "`array`"),
    "lone surrogate": (
        rb'{"event_id":"\ud800abcdefgh"}',
        "is not a JSON object: JSON is",
    ),
    "lone surrogate at the end": (rb'{"n":"\udc00\ud800"}', "is not a JSON object: "),
    "trailing comma": (b'{"event_id":"a",}', "trailing comma in object (byte 16)"),
    "truncated": (b'{"event_id":"a"', "is not a JSON object: "),
    "truncated in what is nested": (b'{"n":{"m":1}', "is not a JSON object: "),
    "truncated in a string": (b'{"event_id":"a', "is not a JSON object: "),
    "unbalanced quotes": (b'{"event_id":"a}', "is not a JSON object: "),
    "unbalanced quotes before": (b'{"event_id":a"}', "is not a JSON object: "),
    "single quotes": (b"{'event_id':'a'}", "is not a JSON object: JSON is malformed: "),
    "missing colon": (b'{"event_id" "a"}', "expected ':' (byte 12)"),
    "missing comma": (b'{"event_id":"a" "n":1}', "expected ',' or '}' (byte 16)"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", BAD)
def test_bad_record_is_rejected_and_no_other(kind: str, form: str) -> None:
    bad, reason = BAD[kind]

    result = read(form, write(form, FIRST, bad, LAST, LAST))

    (rejected,) = result.rejected
    assert reason in rejected.reason
    assert (rejected.line, rejected.byte_count) == (bad, len(bad))
    assert (rejected.line_number, result.numbers) == (2, [1, 3, 4])
    assert result.event_ids == ["first", "last", "last"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", BAD)
def test_bad_record_at_the_end_is_rejected_and_no_other(kind: str, form: str) -> None:
    bad, _ = BAD[kind]

    result = read(form, write(form, FIRST, bad))

    # What reads as a string that goes on to the file's end has the array's end in it.
    is_open = form == "array" and b"]" in result.bad[0][len(bad) :]
    assert result.bad == [bad + b"]" * is_open]
    assert result.event_ids == ["first"]


@pytest.mark.parametrize("form", FORMS)
def test_record_over_the_limit_is_rejected_with_its_beginning(form: str) -> None:
    long = b'{"event_id":"' + b"a" * MAX_RECORD_BYTES + b'"}'
    content = write(form, FIRST, long, LAST)
    blocks = (content[i : i + 131_072] for i in range(0, len(content), 131_072))

    result = read(form, *blocks)

    reason = "is longer than 16,777,216 bytes"
    assert result.rejected == [RejectedLine(2, reason, long[:KEPT_BYTES], len(long))]
    assert result.event_ids == ["first", "last"]


@pytest.mark.parametrize("form", FORMS)
def test_byte_order_mark_at_the_start_is_no_fault(form: str) -> None:
    result = read(form, b"\xef\xbb\xbf" + write(form, FIRST, LAST))

    assert (result.event_ids, result.rejected) == (["first", "last"], [])


@pytest.mark.parametrize("form", FORMS)
def test_byte_order_mark_inside_is_rejected(form: str) -> None:
    mark = b"\xef\xbb\xbf"

    result = read(form, write(form, FIRST, mark + LAST, LAST))

    if form == "lines":
        assert result.bad == [mark + LAST]
        assert result.event_ids == ["first", "last"]
    else:
        assert result.bad == [mark]
        assert result.event_ids == ["first", "last", "last"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("blank", [b"\n\n", b"\r\n", b" \t\r\n\r\n"])
def test_blank_lines_and_carriage_returns_are_no_fault(form: str, blank: bytes) -> None:
    content = write(form, blank + FIRST + blank, blank + LAST + blank)

    result = read(form, content)

    assert (result.event_ids, result.rejected) == (["first", "last"], [])


@pytest.mark.parametrize("form", FORMS)
def test_of_a_key_that_stands_twice_the_last_counts(form: str) -> None:
    result = read(form, write(form, b'{"event_id":"a","event_id":"b"}'))

    assert (result.event_ids, result.rejected) == (["b"], [])


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (b"", "the array ends early"),
        (b" ,\n", "the array ends early"),
        (b',{"event_id":', "is never closed, and the array ends early"),
        (b",tru", "is not a JSON object: it ends early, and the array ends early"),
    ],
)
def test_array_that_is_cut_off_keeps_what_is_whole(ending: bytes, reason: str) -> None:
    result = read("array", b"[" + FIRST + b"," + LAST + ending)

    tail = ending.strip(b" ,\n")
    assert result.rejected == [RejectedLine(3, reason, tail, len(tail))]
    assert result.event_ids == ["first", "last"]


def test_trailing_comma_of_an_array_is_no_fault() -> None:
    result = read("array", b"[" + FIRST + b"," + LAST + b",]")

    assert (result.event_ids, result.rejected) == (["first", "last"], [])


def test_records_of_a_line_are_told_apart_by_their_numbers() -> None:
    result = read("stream", FIRST + b" " + FIRST + b"\n1 2\n" + LAST)

    assert result.numbers == [1, 2, 5]
    assert [one.line_number for one in result.rejected] == [3, 4]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 10, 10_000])
def test_nuls_are_left_out_where_the_feed_wants_it(form: str, size: int) -> None:
    nuls = [
        b'{"event_id":"\0a"}',
        rb'{"event_id":"a\u0000"}',
        b'{"event_id":t\0rue}',
        b'{"event_id":1\0002}',
    ]
    bad = b'{"event_id":"\0"b}'
    content = write(form, FIRST, *nuls, bad, rb'{"event_id":"\\u0000"}', LAST)
    blocks = (content[i : i + size] for i in range(0, len(content), size))

    result = read(form, *blocks, strip_nul=True)

    texts = ["first", "a", "a", "true", "12", r"\\u0000", "last"]
    assert result.event_ids == texts
    assert result.stripped == [StrippedLine(n, nuls[n - 2]) for n in range(2, 6)]
    assert result.bad == [bad]


# CSV ------------------------------------------------------------------------------

BAD_LINES = {
    "NUL": (b"a\0b,noon,", "holds a NUL byte"),
    "bad UTF-8": (b"\xff,noon,", "is not UTF-8"),
    "quoted bad UTF-8": (b'"\xff",noon,', "is not UTF-8"),
    "deep": (b"a,noon," + b"[" * 100_000, "is JSON nested too deep"),
    "truncated": (b"a,no", "has 2 fields, the header 3"),
    "unbalanced quotes": (b'"a,noon,', "opens a quote that is never closed"),
    "too many fields": (b"a,noon,1,2", "has 4 fields, the header 3"),
    "lone carriage return": (
        b"a\rb,noon,1",
        "has a carriage return that is not quoted",
    ),
    "text after a quote": (b'"a"b,noon,1', "',' expected after '\"'"),
}


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("kind", BAD_LINES)
def test_bad_line_is_rejected_and_no_other(kind: str, line_end: bytes) -> None:
    bad, reason = BAD_LINES[kind]
    lines = [b"event_id,at,n", b"first,noon,[1]", b"", bad, b"last,noon,{}", b""]

    result = read("csv", b"\xef\xbb\xbf" + line_end.join(lines))

    assert result.rejected == [RejectedLine(4, reason, bad, len(bad))]
    assert result.event_ids == ["first", "last"]


@pytest.mark.parametrize("n", [rb"\ud800", b"1e400000", rb"\u0000", b"\xef\xbb\xbf"])
def test_what_only_the_cast_can_refuse_is_kept(n: bytes) -> None:
    result = read("csv", b"event_id,at,n\nfirst,noon," + n + b"\n")

    assert (result.event_ids, result.rejected) == (["first"], [])


# Properties -----------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.integers() | st.text('{}[],:"\\ \n\té', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("{}a"), inner, max_size=3)
    ),
    max_leaves=5,
)
OBJECTS = st.lists(
    st.dictionaries(st.sampled_from(["event_id", "at", "n", "m"]), VALUES), max_size=6
)
CUTS = st.lists(st.integers(0, 300), max_size=6)


def cut(content: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(content), *(min(place, len(content)) for place in cuts)})
    return [content[a:b] for a, b in pairwise(places)]


def rows_of(form: str, blocks: list[bytes]) -> list[bytes]:
    feed = feed_of(form)
    records = (
        read_json_lines(split_at_lines(blocks), feed, load_id=7)
        if form == "lines"
        else read_json(blocks, feed, load_id=7)
    )
    batches = list(records.batches)
    assert not any(batch.rejected for batch in batches)
    return b"".join(batch.rows for batch in batches).splitlines()


@given(OBJECTS, st.sampled_from(FORMS), CUTS)
def test_same_objects_give_the_same_rows_in_each_form(
    objects: list[object], form: str, cuts: list[int]
) -> None:
    written = [json.dumps(one).encode() for one in objects]

    rows = rows_of(form, cut(write(form, *written), cuts))

    assert rows == rows_of("lines", [write("lines", *written)])


@given(OBJECTS, st.sampled_from(FORMS), st.integers(0, 200), st.integers(0, 255), CUTS)
def test_each_byte_is_in_a_record_or_rejected_whatever_is_broken(
    objects: list[object], form: str, place: int, byte: int, cuts: list[int]
) -> None:
    content = bytearray(write(form, *(json.dumps(one).encode() for one in objects)))
    content[place : place + 1] = bytes([byte])
    wrong = bytes(content)

    result = read(form, *cut(wrong, cuts))

    for one in result.rejected:
        assert one.line in wrong
        assert len(one.line) == one.byte_count
    told = len(result.event_ids) + len(result.rejected)
    assert told > 0 or not wrong.strip(b" \r\n\t\v\f[],")
    assert result == read(form, wrong)
