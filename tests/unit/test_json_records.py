import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_warehouse.feeds import Constant, EventField, Feed
from event_warehouse.load.json_records import read_json_lines
from event_warehouse.load.lines import OverlongLine, split_at_lines
from event_warehouse.load.records import KEPT_BYTES, OVERLONG, RejectedLine

LOAD_ID = 7

PUSHES = Feed(
    name="pushes",
    files="pushes/*",
    format="json_lines",
    fields={
        EventField.TENANT_ID: Constant(constant="forge"),
        EventField.EVENT_TIME: "at",
        EventField.USER_ID: "actor.login",
        EventField.ENTITY_ID: "repo.owner.name",
    },
)
UNESCAPED = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}


@dataclass(frozen=True)
class Read:
    """What a reader made of a file, its COPY rows parsed again."""

    rows: list[dict[str, str | None]]
    rejected: list[RejectedLine]

    @property
    def line_numbers(self) -> list[int]:
        return [int(row["line_number"] or 0) for row in self.rows]

    @property
    def reasons(self) -> list[str]:
        return [line.reason for line in self.rejected]


def read(*blocks: bytes, feed: Feed = PUSHES) -> Read:
    return read_chunks(split_at_lines(blocks), feed)


def read_chunks(chunks: Iterable[bytes | OverlongLine], feed: Feed = PUSHES) -> Read:
    records = read_json_lines(iter(chunks), feed, load_id=LOAD_ID)
    assert records.copy_format == "text"
    result = Read([], [])
    for batch in records.batches:
        lines = batch.rows.decode().split("\n")
        assert lines.pop() == ""
        assert len(lines) == batch.row_count
        for line in lines:
            values = map(unescape, line.split("\t"))
            row = dict(zip(map(str, records.columns), values, strict=True))
            assert row["load_id"] == str(LOAD_ID)
            result.rows.append(row)
        result.rejected.extend(batch.rejected)
    return result


def unescape(text: str) -> str | None:
    """The value of a field in COPY's text format."""
    if text == "\\N":
        return None
    pieces = iter(text)
    return "".join(
        UNESCAPED[next(pieces)] if piece == "\\" else piece for piece in pieces
    )


def attributes(line: bytes) -> str | None:
    (row,) = read(line).rows
    return row["attributes"]


def test_empty_file_has_no_records() -> None:
    assert read() == Read([], [])


def test_blank_lines_are_no_records_but_have_numbers() -> None:
    result = read(b'\n{"at":"noon"}\n \t\r\n\r\n{"at":"night"}')

    assert result.line_numbers == [2, 5]
    assert result.rejected == []


def test_byte_order_mark_is_no_part_of_the_first_record() -> None:
    result = read(b'\xef\xbb\xbf{"at":"noon"}\n{"at":"night"}\n')

    assert [row["event_time"] for row in result.rows] == ["noon", "night"]


def test_byte_order_mark_elsewhere_rejects_its_line() -> None:
    result = read(b'{"at":"noon"}\n\xef\xbb\xbf{"at":"night"}\n')

    assert [line.line_number for line in result.rejected] == [2]


def test_carriage_return_before_a_line_end_is_white_space() -> None:
    result = read(b'{"at":"noon"}\r\n{"at":"night"}\r\n')

    assert [row["event_time"] for row in result.rows] == ["noon", "night"]


def test_object_without_keys_is_a_record_of_nothing_but_constants() -> None:
    (row,) = read(b"{}").rows

    assert {key: value for key, value in row.items() if value is not None} == {
        "load_id": "7",
        "line_number": "1",
        "tenant_id": "forge",
    }


def test_event_field_s_key_is_no_attribute() -> None:
    (row,) = read(b'{"at":"noon","event_id":"1"}').rows

    assert (row["event_time"], row["event_id"]) == ("noon", "1")
    assert row["attributes"] is None


def test_key_that_has_a_constant_s_name_is_an_attribute() -> None:
    (row,) = read(b'{"tenant_id":"acme"}').rows

    assert row["tenant_id"] == "forge"
    assert row["attributes"] == '{"tenant_id":"acme"}'


def test_nested_field_is_found_by_its_path_and_stays_in_its_attribute() -> None:
    (row,) = read(
        b'{"actor":{"login":"ada"},"repo":{"owner":{"name":"core"},"id":1}}'
    ).rows

    assert (row["user_id"], row["entity_id"]) == ("ada", "core")
    assert row["attributes"] == (
        '{"actor":{"login":"ada"},"repo":{"owner":{"name":"core"},"id":1}}'
    )


@pytest.mark.parametrize(
    "actor", ["null", "1", '"login"', "[1]", '["login"]', "true", "{}", "[]", '""']
)
def test_path_through_what_is_no_object_leads_nowhere(actor: str) -> None:
    (row,) = read(f'{{"actor":{actor},"repo":{{"owner":{actor}}}}}'.encode()).rows

    assert (row["user_id"], row["entity_id"]) == (None, None)


def test_dotted_key_is_no_path() -> None:
    (row,) = read(b'{"actor.login":"ada"}').rows

    assert row["user_id"] is None
    assert row["attributes"] == '{"actor.login":"ada"}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"ada"', "ada"),
        ('""', ""),
        ("null", None),
        ('"null"', "null"),
        ("true", "true"),
        ("false", "false"),
        ("0", "0"),
        ("-0.0", "-0.0"),
        ("1.50", "1.50"),
        ("1E+2", "1E+2"),
        ("12345678901234567890123456789", "12345678901234567890123456789"),
        (
            "0.1000000000000000055511151231257827",
            "0.1000000000000000055511151231257827",
        ),
        ("1e400000", "1e400000"),
        ('[1, "a" ]', '[1, "a" ]'),
        ('{"a" : 1}', '{"a" : 1}'),
        (r'"\u00e9\ud83d\ude00"', "é😀"),
        (r'"a\tb\nc\rd\\e\/f\"g"', 'a\tb\nc\rd\\e/f"g'),
        (r'"\\N"', r"\N"),
        (r'"\\."', r"\."),
    ],
)
def test_value_of_a_field_keeps_its_text(value: str, text: str | None) -> None:
    (row,) = read(f'{{"event_id":{value}}}'.encode()).rows

    assert row["event_id"] == text


@pytest.mark.parametrize(
    "value",
    [
        "1.50",
        "12345678901234567890123456789.000",
        "1e400000",
        '{"b":1,"a":2,"b":3}',
        "[ 1,\t2 ]",
        r'"\u0000"',
        r'"\u00e9 \\ \/ \""',
        r'"\ud83d\ude00"',
        "null",
        '""',
    ],
)
def test_attribute_keeps_its_text(value: str) -> None:
    assert attributes(f'{{"n":{value}}}'.encode()) == f'{{"n":{value}}}'


def test_attributes_keep_the_order_of_the_input() -> None:
    assert attributes(b'{"z":1,"event_id":"1","a":2}') == '{"z":1,"a":2}'


def test_of_a_top_level_key_given_twice_the_last_counts_as_in_postgres() -> None:
    (row,) = read(b'{"event_id":"1","n":1,"event_id":"2","n":2}').rows

    assert row["event_id"] == "2"
    assert row["attributes"] == '{"n":2}'


def test_nul_in_a_field_rejects_the_line() -> None:
    line = rb'{"event_id":"a\u0000b"}'

    result = read(line)

    assert result.rejected == [
        RejectedLine(1, "holds a NUL character", line, len(line))
    ]


def test_nul_in_an_attribute_is_kept_as_its_escape() -> None:
    assert attributes(rb'{"\u0000":"\u0000"}') == r'{"\u0000":"\u0000"}'


@pytest.mark.parametrize(
    "line",
    [
        rb'{"event_id":"\ud800"}',
        rb'{"n":"\ud800"}',
        rb'{"n":"\udc00\ud800"}',
        rb'{"n":["\udfff"]}',
    ],
)
def test_lone_surrogate_rejects_the_line(line: bytes) -> None:
    result = read(b'{"at":"noon"}\n' + line + b'\n{"at":"night"}\n')

    assert [(one.line_number, one.line) for one in result.rejected] == [(2, line)]
    assert result.line_numbers == [1, 3]


@pytest.mark.parametrize(
    "line",
    [b"[]", b'[{"at":"noon"}]', b'"noon"', b"1", b"null", b"true"],
)
def test_top_level_that_is_no_object_rejects_the_line(line: bytes) -> None:
    result = read(line)

    assert result.rows == []
    assert result.reasons[0].startswith("is no JSON object: Expected `object`, got")
    assert result.rejected[0].line == line


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b'{"at"',
        b'{"at":"noon"',
        b'{"at":"noon"}}',
        b'{"at":"noon"} {"at":"night"}',
        b'{"at":"noon",}',
        b"{'at':'noon'}",
        b"{at:1}",
        b'{"at":NaN}',
        b'{"at":Infinity}',
        b'{"at":01}',
        b'{"at":.5}',
        b'{"at":+1}',
        b'{"n":"a\tb"}',
        b'{"n":"\\x"}',
        b'{"n":tru}',
        b"at,user_id",
        b"\0{}",
        b"{}\0",
    ],
)
def test_line_that_is_no_json_is_rejected_with_its_bytes(line: bytes) -> None:
    result = read(b'{"at":"noon"}\n' + line + b'\r\n{"at":"night"}\n')

    (rejected,) = result.rejected
    assert rejected.reason.startswith("is no JSON object: ")
    assert (rejected.line_number, rejected.line, rejected.byte_count) == (
        2,
        line,
        len(line),
    )
    assert result.line_numbers == [1, 3]


@pytest.mark.parametrize("key", ["event_id", "n"])
@pytest.mark.parametrize("bad", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xe9"])
def test_line_that_is_not_utf8_is_rejected(key: str, bad: bytes) -> None:
    line = b'{"%b":"%b"}' % (key.encode(), bad)

    assert read(line).rejected == [RejectedLine(1, "is not UTF-8", line, len(line))]


@pytest.mark.parametrize("depth", [2_000, 100_000, 1_000_000])
@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_deep_nesting_rejects_the_line_and_no_other(
    depth: int, opened: bytes, closed: bytes
) -> None:
    line = b'{"n":' + opened * depth + b"1" + closed * depth + b"}"

    result = read(line + b'\n{"at":"noon"}\n')

    assert result.rejected == [
        RejectedLine(1, "is JSON nested too deep", line[:KEPT_BYTES], len(line))
    ]
    assert result.line_numbers == [2]


def test_overlong_line_is_rejected_with_its_beginning() -> None:
    result = read_chunks([b"{}\n", OverlongLine(b'{"a', 99_000_000), b"{}\n"])

    assert result.rejected == [RejectedLine(2, OVERLONG, b'{"a', 99_000_000)]
    assert result.line_numbers == [1, 3]


# Properties -----------------------------------------------------------------------

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10
) | st.text('\\N.\t\n\r"u0', max_size=6)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)
OBJECTS = st.dictionaries(
    st.sampled_from(["at", "event_id", "actor", "page", "n"]) | TEXT, VALUES, max_size=5
)
TAKEN = {"at"} | {*map(str, EventField)} - {
    "tenant_id",
    "event_time",
    "user_id",
    "entity_id",
}
"""The keys that are an event field; the feed reads the four from elsewhere."""


def cut(content: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(content), *(min(place, len(content)) for place in cuts)})
    return [content[a:b] for a, b in pairwise(places)]


@given(st.lists(OBJECTS, max_size=6), st.lists(st.integers(0, 300)), st.booleans())
def test_whatever_a_json_writer_wrote_is_read_back(
    objects: list[dict[str, object]], cuts: list[int], ascii_only: bool
) -> None:
    content = "".join(
        json.dumps(one, ensure_ascii=ascii_only) + "\n" for one in objects
    )

    result = read(*cut(content.encode(), cuts))

    assert result.rejected == []
    assert result.line_numbers == list(range(1, len(objects) + 1))
    for row, one in zip(result.rows, objects, strict=True):
        rest = {key: value for key, value in one.items() if key not in TAKEN}
        assert json.loads(row["attributes"] or "{}") == rest
        assert same(row["event_time"], one.get("at"))
        assert same(row["event_id"], one.get("event_id"))


def same(text: str | None, value: object) -> bool:
    """True if a field's text is that value: a string itself, else as JSON has it."""
    if text is None or isinstance(value, str):
        return text == value
    found = json.loads(text)
    if isinstance(value, float):
        return math.isclose(found, value)
    return bool(found == value)


@given(st.binary(max_size=80), st.lists(st.integers(0, 80)))
def test_no_line_of_any_bytes_is_lost(content: bytes, cuts: list[int]) -> None:
    result = read(*cut(content, cuts))

    lines = content.split(b"\n")
    told = {line.line_number for line in result.rejected} | set(result.line_numbers)
    assert told == {n for n, line in enumerate(lines, 1) if line.strip()}
