import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_warehouse.feeds import Constant, EventField, Feed, Joined
from event_warehouse.load.json_depth import MAX_DEPTH
from event_warehouse.load.json_records import read_json_lines
from event_warehouse.load.lines import OverlongLine, split_at_lines
from event_warehouse.load.records import (
    KEPT_BYTES,
    OVERLONG,
    Drift,
    RejectedLine,
    StrippedLine,
)

LOAD_ID = 7

PUSHES = Feed(
    name="pushes",
    files=("pushes/*",),
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
    stripped: list[StrippedLine]
    drift: list[Drift]

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
    result = Read([], [], [], [])
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
        result.stripped.extend(batch.stripped)
    result.drift.append(records.drift)
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
    assert read() == Read([], [], [], [Drift()])


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
    assert result.reasons[0].startswith("is not a JSON object: Expected `object`, got")
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
    assert rejected.reason.startswith("is not a JSON object: ")
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


@pytest.mark.parametrize("depth", [MAX_DEPTH, 2_000, 100_000, 1_000_000])
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


@pytest.mark.parametrize("opened", [b"[", b'{"a":'])
def test_nesting_up_to_the_limit_is_taken(opened: bytes) -> None:
    closed = {b"[": b"]", b'{"a":': b"}"}[opened]
    depth = MAX_DEPTH - 1
    text = b'{"n":' + opened * depth + b'"[{[{"' + closed * depth + b"}"

    assert attributes(text) == text.decode()


@pytest.mark.parametrize("key", ["event_id", "n"])
def test_brackets_in_a_string_are_no_nesting(key: str) -> None:
    line = b'{"%b":"%b"}' % (key.encode(), b'[\\"' * 2_000)

    assert read(line).rejected == []


def test_string_that_is_declared_to_be_json_may_not_be_deep_either() -> None:
    feed = PUSHES.model_copy(update={"attributes": {"n": "json", "a.b": "json"}})
    deep = json.dumps("[" * 600 + "]" * 600).encode()
    lines = [
        b'{"n":' + deep + b"}",
        b'{"a":{"b":' + deep + b"}}",
        b'{"x":' + deep + b"}",
    ]

    result = read(b"\n".join(lines), feed=feed)

    assert result.line_numbers == [3]
    assert result.reasons == ["is JSON nested too deep"] * 2


# A batch without nested values, null and escapes is read in another way.
@pytest.mark.parametrize("other", ["", r'{"n":"\\"}', '{"at":[]}', "no JSON", "1"])
def test_plain_records_are_read_alike_whatever_stands_beside_them(other: str) -> None:
    plain = (
        '{"at" : "noon", "event_id":-0.50,"sample_rate" :1}\t\r\n'
        '{"event_id":"","at":null,"user_id":null,"entity_id":null,"browser":"null"}\n'
        "{}\n"
    )

    rows = read(f"{plain}{other}\n".encode(), feed=FLAT).rows[:3]

    found = [{k: v for k, v in row.items() if v is not None} for row in rows]
    lineage = [
        {"load_id": "7", "line_number": str(n), "service": "%s"} for n in (1, 2, 3)
    ]
    assert found == [
        lineage[0] | {"event_time": "noon", "event_id": "-0.50", "sample_rate": "1"},
        lineage[1] | {"event_id": "", "browser": "null"},
        lineage[2],
    ]


FLAT = Feed(
    name="pushes",
    files=("pushes/*",),
    format="json_lines",
    fields={
        EventField.EVENT_TIME: "at",
        EventField.SERVICE: Constant(constant="%s"),
        EventField.COUNTRY: "land",
    },
)
"""Reads no field that is nested or joined."""


def test_key_that_needs_an_escape_is_found() -> None:
    fields = {EventField.COUNTRY: 'a "quoted" name', EventField.EVENT_TIME: "at"}
    feed = FLAT.model_copy(update={"fields": fields})

    (row,) = read(rb'{"at":"noon","a \"quoted\" name":"DE"}', feed=feed).rows

    assert (row["event_time"], row["country"]) == ("noon", "DE")
    assert row["attributes"] is None


def test_two_fields_of_one_key_both_have_its_value() -> None:
    fields = {EventField.USER_ID: "actor", EventField.DEVICE_ID: "actor"}
    feed = Feed(name="pushes", files=("x",), format="json_lines", fields=fields)

    (row,) = read(b'{"actor":"ada"}', feed=feed).rows

    assert (row["user_id"], row["device_id"]) == ("ada", "ada")
    assert row["attributes"] is None


@pytest.mark.parametrize("constant", ["50% off", "%s%d%%", 'a "b"', "a\tb\nc\r", "\\N"])
def test_constant_arrives_as_it_was_declared(constant: str) -> None:
    fields = {EventField.SERVICE: Constant(constant=constant)}
    feed = Feed(name="pushes", files=("x",), format="json_lines", fields=fields)

    rows = read(b'{"event_id":"1"}\n', feed=feed).rows
    rows += read(b'{"event_id":null}\n', feed=feed).rows

    assert [row["service"] for row in rows] == [constant, constant]


def test_feed_of_nothing_but_constants_has_attributes_still() -> None:
    fields = {field: Constant(constant="x") for field in EventField}
    feed = Feed(name="pushes", files=("x",), format="json_lines", fields=fields)

    first, second = read(b'{"n":1}\n{}\n', feed=feed).rows

    assert (first["attributes"], second["attributes"]) == ('{"n":1}', None)
    assert second["sample_rate"] == "x"


# Joined fields --------------------------------------------------------------------

JOINED = Feed(
    name="pushes",
    files=("pushes/*",),
    format="json_lines",
    fields={
        EventField.EVENT_ID: Joined(join=("repo.id", "number", "kind")),
        EventField.EVENT_TIME: Joined(join=("day", "time"), separator="T"),
    },
)


@pytest.mark.parametrize(
    ("record", "event_id"),
    [
        ('{"number":1.50,"repo":{"id":"a"},"kind":true}', "a:1.50:true"),
        ('{"number":1,"repo":{"id":"a"}}', "a:1"),
        ('{"number":null,"repo":{"id":""},"kind":"b"}', "b"),
        ('{"number":null,"repo":null,"kind":""}', None),
        ("{}", None),
        (r'{"number":"\t\\\"","kind":[1, 2]}', '\t\\":[1, 2]'),
        ('{"number":"null","kind":"\\\\N"}', "null:\\N"),
    ],
)
def test_joined_field_is_made_of_what_is_there(
    record: str, event_id: str | None
) -> None:
    (row,) = read(record.encode(), feed=JOINED).rows

    assert row["event_id"] == event_id


def test_joined_members_are_no_attributes_but_what_is_around_them_is() -> None:
    content = b'{"day":"2026-11-01","time":"10:00","repo":{"id":1},"n":2}'

    (row,) = read(content, feed=JOINED).rows

    assert row["event_time"] == "2026-11-01T10:00"
    assert row["attributes"] == '{"repo":{"id":1},"n":2}'


def test_member_may_be_joined_and_a_field_of_its_own() -> None:
    fields = {EventField.EVENT_ID: Joined(join=("user_id", "n"), separator="")}
    feed = Feed(name="pushes", files=("x",), format="json_lines", fields=fields)

    (row,) = read(b'{"user_id":"ada","n":1}', feed=feed).rows

    assert (row["event_id"], row["user_id"]) == ("ada1", "ada")
    assert row["attributes"] is None


# Unwrapping -----------------------------------------------------------------------

WRAPPED = PUSHES.model_copy(update={"unwrap": "detail"})
DEEPER = PUSHES.model_copy(update={"unwrap": "message.detail"})


@pytest.mark.parametrize(
    ("record", "rest"),
    [
        ('{"detail":{"at":"noon","n":1},"source":"x"}', {"source": "x", "n": 1}),
        ('{"detail":{"at":"noon"}}', {}),
        ('{"at":"noon"}', {}),
        ('{"at":"noon","detail":{}}', {}),
        ('{"at":"noon","detail":{"at":"night"}}', {"detail": {"at": "night"}}),
        (
            '{"at":"noon","n":0,"detail":{"at":"night","n":1,"m":2}}',
            {"n": 0, "m": 2, "detail": {"at": "night", "n": 1}},
        ),
        (
            '{"detail":{"at":"noon","detail":{"detail":1}}}',
            {"detail": {"detail": {"detail": 1}}},
        ),
        ('{"at":"noon","detail":null}', {"detail": None}),
        ('{"at":"noon","detail":[{"n":1}]}', {"detail": [{"n": 1}]}),
        ('{"at":"noon","detail":"{}"}', {"detail": "{}"}),
        ('{"detail":{"at":"noon","actor":{"n":1}}}', {"actor": {"n": 1}}),
        (
            '{"actor":1,"detail":{"at":"noon","actor":{"login":"ada"}}}',
            {"actor": 1, "detail": {"actor": {"login": "ada"}}},
        ),
    ],
)
def test_members_of_the_unwrapped_object_count_as_the_record_s_own(
    record: str, rest: dict[str, object]
) -> None:
    (row,) = read(record.encode(), feed=WRAPPED).rows

    assert row["event_time"] == "noon"
    assert row["user_id"] is None
    assert json.loads(row["attributes"] or "{}") == rest


def test_path_is_found_in_what_was_unwrapped() -> None:
    (row,) = read(b'{"detail":{"actor":{"login":"ada"}}}', feed=WRAPPED).rows

    assert row["user_id"] == "ada"


@pytest.mark.parametrize(
    ("record", "rest"),
    [
        ('{"message":{"detail":{"at":"noon","n":1.0}}}', {"n": 1.0}),
        (
            '{"n":0,"message":{"detail":{"at":"noon","n":1},"id":2}}',
            {"n": 0, "message": {"detail": {"n": 1}, "id": 2}},
        ),
        ('{"message":{"detail":{"at":"noon"},"id":2}}', {"message": {"id": 2}}),
        ('{"at":"noon","message":{"id":2}}', {"message": {"id": 2}}),
        ('{"at":"noon","message":1}', {"message": 1}),
        (
            '{"message":{"detail":{"at":"noon","message":1}}}',
            {"message": {"detail": {"message": 1}}},
        ),
    ],
)
def test_unwrapped_object_may_be_nested(record: str, rest: dict[str, object]) -> None:
    (row,) = read(record.encode(), feed=DEEPER).rows

    assert row["event_time"] == "noon"
    assert json.loads(row["attributes"] or "{}") == rest


# NULs -----------------------------------------------------------------------------

STRIPPED = PUSHES.model_copy(update={"strip_nul": True})


@pytest.mark.parametrize(
    "line",
    [
        b'{"at":"no\0on","n":"a"}',
        b'{"at":"noon","n":"\0a"}',
        b'{"a\0t":"noon","\0n":"a"}',
        b'\0{"at":\0"noon"\0,"n":"a"}\0',
        rb'{"at":"no\u0000on","n":"a"}',
        rb'{"at":"noon","n":"a\u0000\u0000"}',
        rb'{"at\u0000":"noon","\u0000n\u0000":"a"}',
        b'{"at":"noon\\u00\x0000","n":"a"}',
    ],
)
def test_nuls_are_left_out_and_the_line_is_kept_where_the_feed_wants_it(
    line: bytes,
) -> None:
    result = read(b'{"at":"1"}\n' + line + b'\r\n{"at":"3"}\n', feed=STRIPPED)

    assert [row["event_time"] for row in result.rows] == ["1", "noon", "3"]
    assert result.rows[1]["attributes"] == '{"n":"a"}'
    assert result.stripped == [StrippedLine(2, line)]
    assert result.rejected == []


def test_escaped_backslash_before_u0000_is_no_nul() -> None:
    line = rb'{"at":"\\u0000","n":"\\\\u0000"}'

    result = read(line, feed=STRIPPED)

    assert [row["event_time"] for row in result.rows] == [r"\u0000"]
    assert result.rows[0]["attributes"] == r'{"n":"\\\\u0000"}'
    assert result.stripped == []


def test_nul_after_an_escaped_backslash_is_left_out() -> None:
    (row,) = read(rb'{"at":"\\\u0000"}', feed=STRIPPED).rows

    assert row["event_time"] == "\\"


@pytest.mark.parametrize("line", [b'{"at":"\0"', b'{"at":"\0\xff"}', b"\0[]"])
def test_line_that_is_bad_without_its_nuls_too_is_rejected_with_them(
    line: bytes,
) -> None:
    result = read(line, feed=STRIPPED)

    assert [one.line for one in result.rejected] == [line]
    assert result.stripped == []


def test_original_is_kept_up_to_the_limit() -> None:
    line = b'{"n":"\0' + b"a" * KEPT_BYTES + b'"}'

    assert read(line, feed=STRIPPED).stripped == [StrippedLine(1, line[:KEPT_BYTES])]


# Drift ----------------------------------------------------------------------------

DECLARED = WRAPPED.model_copy(update={"attributes": {"page": "text", "a.b": "integer"}})


def drift(content: str, feed: Feed = DECLARED) -> Drift:
    (found,) = read(content.encode(), feed=feed).drift
    return found


def test_undeclared_fields_are_told_if_the_feed_declares_attributes() -> None:
    content = """
        {"at":1,"zoom":1,"actor":{"x":1}}
        {"detail":{"colour":2,"page":3}}
        {"zoom":1}
    """

    assert drift(content).unknown_fields == ("colour", "zoom")


def test_no_field_is_unknown_if_the_feed_declares_no_attributes() -> None:
    assert drift('{"at":1,"zoom":1}', WRAPPED).unknown_fields == ()


def test_event_field_s_name_is_unknown_only_where_it_is_a_constant() -> None:
    assert drift('{"tenant_id":1,"session_id":1}').unknown_fields == ("tenant_id",)


def test_declared_fields_that_no_record_has_are_told_with_their_whole_path() -> None:
    content = '{"repo":{"owner":"x"},"page":null}\n{"a":{"c":1},"actor":"login"}'

    assert drift(content).missing_fields == (
        "a.b",
        "actor.login",
        "at",
        "repo.owner.name",
    )


def test_field_that_one_record_has_is_not_missing() -> None:
    content = """
        {"at":1,"actor":{"login":null},"page":1}
        {"detail":{"repo":{"owner":{"name":1}}}}
        {"a":{"b":1}}
    """

    assert drift(content) == Drift()


@pytest.mark.parametrize("content", ["", "\n", "1", '{"at"'])
def test_nothing_is_missing_where_no_record_is(content: str) -> None:
    assert drift(content) == Drift()


def test_drift_is_told_where_all_records_are_plain() -> None:
    content = '{"at":"noon"}\n{"land":null,"at":"noon"}\n'

    assert drift(content, FLAT) == Drift()
    assert drift('{"at":"noon"}\n', FLAT).missing_fields == ("land",)
    assert drift(content.replace("land", "country"), FLAT).missing_fields == ("land",)


def test_a_hundred_names_are_told_and_the_beginning_of_each() -> None:
    names = [f"{number:05}" + "x" * 300 for number in range(12_000)]
    content = "\n".join(json.dumps({name: 1}) for name in reversed(names))

    assert drift(content).unknown_fields == tuple(name[:200] for name in names[:100])


def test_nul_in_a_name_is_told_as_what_postgres_takes() -> None:
    assert drift(r'{"a\u0000":1}').unknown_fields == ("a\ufffd",)


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


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["at", "event_id", "land", "sample_rate"]),
            st.none() | st.integers() | st.floats(allow_nan=False) | TEXT,
        ),
        min_size=1,
    )
)
def test_flat_records_are_read_alike_in_a_batch_and_beside_others(
    objects: list[dict[str, object]],
) -> None:
    content = "".join(json.dumps(one) + "\n" for one in objects)

    alone = read(content.encode(), feed=FLAT)
    beside_another = read(content.encode() + b'{"n":[]}\n', feed=FLAT)

    assert alone.rows == beside_another.rows[:-1]


@given(st.binary(max_size=80), st.lists(st.integers(0, 80)))
def test_no_line_of_any_bytes_is_lost(content: bytes, cuts: list[int]) -> None:
    result = read(*cut(content, cuts))

    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    told = {line.line_number for line in result.rejected} | set(result.line_numbers)
    assert told == {n for n, line in enumerate(lines, 1) if line.strip()}
