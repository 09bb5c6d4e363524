import csv
import io
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_warehouse.errors import FileError
from event_warehouse.feeds import Constant, EventField, Feed, Joined
from event_warehouse.load.csv_records import MAX_OPEN_BYTES, read_csv
from event_warehouse.load.lines import OverlongLine, split_at_lines
from event_warehouse.load.records import (
    OVERLONG,
    Drift,
    RejectedLine,
    StrippedLine,
)

UNCLOSED = "opens a quote that is never closed"
LOAD_ID = 7

VISITS = Feed(
    name="visits",
    files=("visits/*",),
    format="csv",
    fields={
        EventField.TENANT_ID: "customer",
        EventField.EVENT_TIME: "at",
    },
)
"""Reads customer, at and user_id; every other column is an attribute."""


@dataclass(frozen=True)
class Read:
    """What a reader made of a file, its COPY rows parsed again."""

    rows: list[dict[str, str]]
    rejected: list[RejectedLine]
    stripped: list[StrippedLine]

    @property
    def line_numbers(self) -> list[int]:
        return [int(row["line_number"]) for row in self.rows]

    def values(self, column: str) -> list[str]:
        return [row[column] for row in self.rows]


def read(*blocks: bytes, feed: Feed = VISITS) -> Read:
    return read_chunks(split_at_lines(blocks), feed)


def read_chunks(chunks: Iterable[bytes | OverlongLine], feed: Feed = VISITS) -> Read:
    records = read_csv(iter(chunks), feed, load_id=LOAD_ID)
    assert records.copy_format == "csv"
    columns = list(map(str, records.columns))
    result = Read([], [], [])
    for batch in records.batches:
        assert not batch.rows or batch.rows.endswith(b"\n")
        # As COPY does: lines end in a newline, and a carriage return must be quoted.
        text = io.StringIO(batch.rows.decode(), newline="\n")
        rows = list(csv.DictReader(text, columns, strict=True))
        assert len(rows) == batch.row_count
        result.rows.extend(rows)
        result.rejected.extend(batch.rejected)
        result.stripped.extend(batch.stripped)
    assert all(row["load_id"] == str(LOAD_ID) for row in result.rows)
    return result


def refusal(*blocks: bytes, feed: Feed = VISITS) -> str:
    with pytest.raises(FileError) as refused:
        read(*blocks, feed=feed)
    return str(refused.value)


# The header -----------------------------------------------------------------------


def test_empty_file_has_no_header() -> None:
    assert refusal(b"").startswith("line 1, the header, has no column 'at'")


def test_file_of_a_blank_line_has_no_header() -> None:
    assert "has no column 'at'" in refusal(b"\n")


def test_file_of_a_byte_order_mark_has_no_header() -> None:
    assert "has no column 'at'" in refusal(b"\xef\xbb\xbf")


def test_header_alone_is_a_file_without_records() -> None:
    assert read(b"customer,at\n") == Read([], [], [])


def test_header_without_a_line_end_is_a_file_without_records() -> None:
    assert read(b"customer,at") == Read([], [], [])


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"colour,size", "2 other columns"),
        (b"ada@example.org", "1 other column"),
        (b"customer,colour", "'customer' and 1 other column"),
        (b"user_id,customer", "'customer' and 'user_id'"),
        (b"a,b,user_id,customer", "'customer', 'user_id' and 2 other columns"),
        (b"", "no column"),
    ],
)
def test_header_without_the_event_time_is_refused_without_telling_its_values(
    header: bytes, told: str
) -> None:
    assert refusal(header + b"\nred,1\n") == (
        "line 1, the header, has no column 'at', the event time of feed visits; "
        f"it has {told}"
    )


def test_header_may_lack_the_event_time_where_the_file_has_one() -> None:
    feed = VISITS.model_copy(update={"missing_event_time": "file_time"})

    (row,) = read(b"customer,page\nacme,/x\n", feed=feed).rows

    assert row["tenant_id"] == "acme"
    assert "event_time" not in row


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"at,user_id,at", "'at'"),
        (b"at,,", "1 other column"),
        (b"at,ada,bob,ada,bob,at", "'at' and 2 other columns"),
    ],
)
def test_header_that_names_a_column_twice_is_refused_without_telling_its_values(
    header: bytes, told: str
) -> None:
    assert refusal(header + b"\n") == f"line 1, the header, names {told} twice"


def test_header_that_is_not_utf8_is_refused() -> None:
    assert refusal(b"at,\xff\n") == "line 1 is not a CSV header: it is not UTF-8"


def test_header_with_a_nul_is_refused() -> None:
    assert refusal(b"at,us\0er\n") == "line 1, the header, holds a NUL byte"


def test_header_of_many_columns_is_read_in_linear_time() -> None:
    names = ",".join(f"c{number}" for number in range(50_000))

    assert read(f"at,{names}\n".encode()) == Read([], [], [])


def test_header_with_an_open_quote_is_refused() -> None:
    assert refusal(b'at,"user\nid"\n').startswith("line 1 is not a CSV header: ")


def test_overlong_header_is_refused() -> None:
    with pytest.raises(FileError, match=r"^line 1, the header, is longer than"):
        read_chunks([OverlongLine(b"at,", 99_000_000)])


def test_byte_order_mark_is_no_part_of_the_first_name() -> None:
    result = read(b"\xef\xbb\xbfat,customer\nnow,acme\n")

    assert result.values("event_time") == ["now"]


def test_names_may_be_quoted_and_padded() -> None:
    result = read(b'"at", customer \nnow,acme\n')

    assert result.values("event_time") == ["now"]
    assert result.values("tenant_id") == ["acme"]


@pytest.mark.parametrize(
    "content",
    [
        b"customer,at,user_id\nacme,noon,ada\n",
        b"at,user_id,customer\nnoon,ada,acme\n",
        b"user_id,customer,at\nada,acme,noon\n",
    ],
)
def test_columns_are_found_by_name_in_any_order(content: bytes) -> None:
    (row,) = read(content).rows

    assert row == {
        "load_id": "7",
        "line_number": "2",
        "tenant_id": "acme",
        "event_time": "noon",
        "user_id": "ada",
    }


def test_missing_column_is_left_out_of_the_rows() -> None:
    (row,) = read(b"at\nnoon\n").rows

    assert row == {"load_id": "7", "line_number": "2", "event_time": "noon"}


def test_unknown_column_is_an_attribute() -> None:
    (row,) = read(b'at,page,"a ""b"""\nnoon,/x,1\n').rows

    assert json.loads(row["attributes"]) == {"page": "/x", 'a "b"': "1"}


def test_empty_attribute_is_left_out() -> None:
    first, second = read(b"at,page,size\nnoon,,2\nnoon,,\n").values("attributes")

    assert json.loads(first) == {"size": "2"}
    assert second == ""


def test_two_fields_of_one_column_both_have_its_value() -> None:
    feed = Feed(
        name="visits",
        files=("visits/*",),
        format="csv",
        fields={EventField.TENANT_ID: "customer", EventField.USER_ID: "customer"},
    )

    (row,) = read(b"customer,event_time\nacme,noon\n", feed=feed).rows

    assert row["tenant_id"] == "acme"
    assert row["user_id"] == "acme"


def test_column_that_has_a_constant_s_name_is_an_attribute() -> None:
    feed = Feed(
        name="visits",
        files=("visits/*",),
        format="csv",
        fields={EventField.TENANT_ID: Constant(constant="shop")},
    )

    (row,) = read(b"tenant_id,event_time\nacme,noon\n", feed=feed).rows

    assert row["tenant_id"] == "shop"
    assert json.loads(row["attributes"]) == {"tenant_id": "acme"}


@pytest.mark.parametrize("constant", ["50% off", "%s%d%%", 'a "b", c', "a\nb", "a\rb"])
@pytest.mark.parametrize("line", [b"noon,ada", b'"noon","ada"'])
def test_constant_arrives_as_it_was_declared(constant: str, line: bytes) -> None:
    feed = Feed(
        name="visits",
        files=("visits/*",),
        format="csv",
        fields={EventField.SERVICE: Constant(constant=constant)},
    )

    (row,) = read(b"event_time,user_id\n" + line, feed=feed).rows

    assert row["service"] == constant
    assert row["user_id"] == "ada"


@pytest.mark.parametrize("delimiter", [";", "\t", "|", " "])
def test_delimiter_is_the_feed_s(delimiter: str) -> None:
    feed = Feed(name="visits", files=("visits/*",), format="csv", delimiter=delimiter)
    content = "event_time,user_id\nnoon,ada\n".replace(",", delimiter)

    (row,) = read(content.encode(), feed=feed).rows

    assert row["user_id"] == "ada"


def test_comma_is_a_character_like_any_other_where_it_delimits_nothing() -> None:
    feed = Feed(name="visits", files=("visits/*",), format="csv", delimiter=";")

    (row,) = read(b"event_time;user_id\nnoon;a,b\n", feed=feed).rows

    assert row["user_id"] == "a,b"


# Lines ----------------------------------------------------------------------------


def test_last_line_without_a_newline_is_a_record() -> None:
    assert read(b"at\nnoon\nnight").values("event_time") == ["noon", "night"]


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_carriage_return_before_a_line_end_is_no_part_of_the_value(
    quote: bytes,
) -> None:
    content = b"at,user_id\r\nnoon,%bada%b\r\nnight,ada" % (quote, quote)

    result = read(content)

    assert result.values("user_id") == ["ada", "ada"]
    assert result.rejected == []


def test_mixed_line_ends_are_all_line_ends() -> None:
    result = read(b'at\r\na\nb\r\n"c"\nd\r\n')

    assert result.values("event_time") == ["a", "b", "c", "d"]
    assert result.line_numbers == [2, 3, 4, 5]


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_blank_line_is_no_record_but_has_a_number(quote: bytes) -> None:
    result = read(b"at\n\nnoon\n\r\n\n%bnight%b\n\n" % (quote, quote))

    assert result.values("event_time") == ["noon", "night"]
    assert result.line_numbers == [3, 6]
    assert result.rejected == []


def test_empty_field_is_empty_whether_quoted_or_not() -> None:
    assert read(b'at,user_id\n,\n"",""\n').values("user_id") == ["", ""]


def test_space_is_part_of_the_value() -> None:
    assert read(b"at, user_id\n noon , ada\n").values("user_id") == [" ada"]


def test_backslash_and_dot_alone_do_not_end_the_data() -> None:
    assert read(b'at\na\n\\.\n"b"\n').values("event_time") == ["a", "\\.", "b"]


def test_only_line_of_backslash_and_dot_passes_through() -> None:
    assert read(b"at\n\\.\nb\n").values("event_time") == ["\\.", "b"]


@pytest.mark.parametrize(
    ("line", "count"), [(b"noon", 1), (b"noon,ada,x", 3), (b"noon,ada,", 3)]
)
def test_line_with_too_few_or_too_many_fields_is_rejected(
    line: bytes, count: int
) -> None:
    result = read(b"at,user_id\na,b\n" + line + b"\nc,d\n")

    reason = f"has {count} fields, the header 2"
    assert result.rejected == [RejectedLine(3, reason, line, len(line))]
    assert result.values("event_time") == ["a", "c"]
    assert result.line_numbers == [2, 4]


def test_line_with_a_nul_is_rejected_with_its_bytes() -> None:
    result = read(b"at,user_id\nnoon,a\0da\nnoon,ada\n")

    assert result.rejected == [RejectedLine(2, "holds a NUL byte", b"noon,a\0da", 9)]
    assert result.line_numbers == [3]


def test_line_that_is_not_utf8_is_rejected_with_its_bytes() -> None:
    result = read(b"at,user_id\nnoon,a\xffda\nnoon,\xc3\xa9\n")

    assert result.rejected == [RejectedLine(2, "is not UTF-8", b"noon,a\xffda", 9)]
    assert result.values("user_id") == ["é"]


@pytest.mark.parametrize(
    "line", [b"noon,\xed\xa0\x80", b"noon,\xc0\xaf", b"noon,\xf4\x90\x80\x80"]
)
def test_bytes_that_only_look_like_utf8_are_rejected(line: bytes) -> None:
    (rejected,) = read(b"at,user_id\n" + line + b"\n").rejected

    assert (rejected.reason, rejected.line) == ("is not UTF-8", line)


def test_rejected_line_is_kept_without_its_line_end() -> None:
    (rejected,) = read(b"at,user_id\nnoon\r\n").rejected

    assert (rejected.line, rejected.byte_count) == (b"noon", 4)


def test_carriage_return_inside_a_bare_value_rejects_the_line() -> None:
    result = read(b"at,user_id\nno\ron,ada\nnight,bob\n")

    assert [line.line for line in result.rejected] == [b"no\ron,ada"]
    assert result.values("user_id") == ["bob"]


def test_overlong_line_is_rejected_with_its_beginning() -> None:
    result = read_chunks([b"at\na\n", OverlongLine(b"bbb", 99_000_000), b"c\n"])

    assert result.rejected == [RejectedLine(3, OVERLONG, b"bbb", 99_000_000)]
    assert result.line_numbers == [2, 4]


def test_overlong_line_ends_a_quote_that_was_open_before_it() -> None:
    result = read_chunks([b'at\n"a\nb\n', OverlongLine(b"c", 99_000_000), b"d\n"])

    assert [(line.line_number, line.reason) for line in result.rejected] == [
        (2, UNCLOSED),
        (4, OVERLONG),
    ]
    assert result.values("event_time") == ["b", "d"]
    assert result.line_numbers == [3, 5]


# Quotes ---------------------------------------------------------------------------


def test_quoted_value_may_hold_delimiter_quote_and_line_ends() -> None:
    result = read(b'at,user_id\n"a,b","say ""hi""\nthere\r\n"\nnoon,ada\n')

    assert result.values("event_time") == ["a,b", "noon"]
    assert result.values("user_id") == ['say "hi"\nthere\r\n', "ada"]
    assert result.line_numbers == [2, 5]


def test_quoted_carriage_return_is_kept() -> None:
    assert read(b'at\n"no\ron"\n').values("event_time") == ["no\ron"]


@pytest.mark.parametrize("size", range(1, 12))
def test_quoted_line_end_may_fall_on_any_border_of_blocks(size: int) -> None:
    content = b'at,user_id\nnoon,"a\nb"\nnight,"c\n\nd"\nlast,e\n'

    result = read(*(content[i : i + size] for i in range(0, len(content), size)))

    assert result.values("user_id") == ["a\nb", "c\n\nd", "e"]
    assert result.line_numbers == [2, 4, 7]
    assert result.rejected == []


def test_quote_never_closed_rejects_its_line_and_no_other() -> None:
    result = read(b'at,user_id\nnoon,ada\nnight,"bob\nnoon,eve\nnoon,kim\n')

    assert result.rejected == [RejectedLine(3, UNCLOSED, b'night,"bob', 10)]
    assert result.values("user_id") == ["ada", "eve", "kim"]
    assert result.line_numbers == [2, 4, 5]


def test_quote_never_closed_in_the_last_line_rejects_it() -> None:
    result = read(b'at,user_id\nnoon,ada\nnight,"bob')

    assert result.rejected == [RejectedLine(3, UNCLOSED, b'night,"bob', 10)]
    assert result.values("user_id") == ["ada"]


def test_quote_open_for_longer_than_the_limit_rejects_its_line_and_no_other() -> None:
    line = b"noon,ada\n"
    count = MAX_OPEN_BYTES // len(line) + 10
    blocks = [b'at,user_id\nnight,"bob\n', *[line * (count // 10)] * 11]

    result = read(*blocks)

    assert result.rejected == [RejectedLine(2, UNCLOSED, b'night,"bob', 10)]
    assert result.line_numbers == list(range(3, 3 + 11 * (count // 10)))


def test_long_quoted_value_below_the_limit_is_a_value() -> None:
    value = b"abcdefg\n" * (MAX_OPEN_BYTES // 16)
    content = b'at,user_id\nnoon,"' + value + b'"\n'

    result = read(*(content[i : i + 131072] for i in range(0, len(content), 131072)))

    assert result.values("user_id") == [value.decode()]


def test_text_after_a_closing_quote_rejects_the_line() -> None:
    result = read(b'at,user_id\nnoon,"ada"x\nnoon,"bob"\n')

    assert [line.line for line in result.rejected] == [b'noon,"ada"x']
    assert result.values("user_id") == ["bob"]


def test_two_lines_with_an_open_quote_each_are_rejected_each() -> None:
    result = read(b'at,user_id\n"noon,ada\n"night,bob\nnoon,eve\n')

    assert [line.line_number for line in result.rejected] == [2, 3]
    assert result.values("user_id") == ["eve"]


@pytest.mark.parametrize("end", [b"", b'"z"z\n', b"noon,ada\n"])
def test_lines_that_each_open_a_quote_for_the_next_are_read_in_linear_time(
    end: bytes,
) -> None:
    line = b'x",""",y\n'
    content = b"at,user_id,page\n" + line * 100_000 + end
    blocks = [content[at : at + 131_072] for at in range(0, len(content), 131_072)]

    started = time.process_time()
    result = read(*blocks)

    # By the square of the lines it is minutes.
    assert time.process_time() - started < 30
    assert len(result.rejected) == 100_000 + (end != b"")


def test_lines_of_a_broken_record_are_read_on_their_own() -> None:
    broken = b'"night,bob,1\nno""on,ada,2\nx",""",y\n"z"z\nnoon,"eve",3\n'
    result = read(b"at,user_id,page\n" + broken)

    why = "',' expected after '\"'"
    assert [(line.line_number, line.reason) for line in result.rejected] == [
        (2, why),
        (4, why),
        (5, why),
    ]
    assert result.values("user_id") == ["ada", "eve"]


def test_record_over_several_lines_is_rejected_with_all_of_them() -> None:
    result = read(b'at,user_id\n"a\nb","c","d"\nnoon,ada\n')

    assert [(line.line_number, line.line) for line in result.rejected] == [
        (2, b'"a\nb","c","d"')
    ]
    assert result.line_numbers == [4]


# Joined fields --------------------------------------------------------------------

JOINED = Feed(
    name="visits",
    files=("visits/*",),
    format="csv",
    fields={
        EventField.EVENT_ID: Joined(join=("part", "number")),
        EventField.EVENT_TIME: Joined(join=("day", "time"), separator="T"),
    },
)


@pytest.mark.parametrize("quote", [b"", b'"'])
@pytest.mark.parametrize(
    ("part", "number", "event_id"),
    [
        (b"a", b"1", "a:1"),
        (b"a", b"", "a"),
        (b"", b"1", "1"),
        (b"", b"", ""),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}".encode(), b"\\", "\u00e9:\\"),
    ],
)
def test_joined_field_is_made_of_what_is_not_empty(
    quote: bytes, part: bytes, number: bytes, event_id: str
) -> None:
    content = b"number,day,part,time,page\n%b,2026-11-01,%b%b%b,10:00,/x\n"

    (row,) = read(content % (number, quote, part, quote), feed=JOINED).rows

    assert row["event_id"] == event_id
    assert row["event_time"] == "2026-11-01T10:00"
    assert json.loads(row["attributes"]) == {"page": "/x"}


def test_joined_field_takes_what_the_header_has() -> None:
    (row,) = read(b"day,time,number\n2026-11-01,10:00,1\n", feed=JOINED).rows

    assert row["event_id"] == "1"


def test_joined_field_none_of_which_is_there_is_left_out() -> None:
    (row,) = read(b"day,time\n2026-11-01,10:00\n", feed=JOINED).rows

    assert "event_id" not in row


@pytest.mark.parametrize("missing", ["day", "time"])
def test_header_needs_each_part_of_the_event_time(missing: str) -> None:
    header = ",".join({"day", "time"} - {missing}).encode()

    assert f"has no column '{missing}'" in refusal(header + b"\n", feed=JOINED)


@pytest.mark.parametrize("separator", ["", ",", '"', "\n", "\r", "%s", "\\", "\t"])
def test_separator_may_be_any_text(separator: str) -> None:
    joined = Joined(join=("a", "b"), separator=separator)
    feed = Feed(
        name="visits", files=("x",), format="csv", fields={EventField.EVENT_ID: joined}
    )

    (row,) = read(b"event_time,a,b,page\nnoon,1,2,/x\n", feed=feed).rows

    assert row["event_id"] == f"1{separator}2"


def test_column_may_be_joined_and_a_field_of_its_own() -> None:
    feed = Feed(
        name="visits",
        files=("x",),
        format="csv",
        fields={
            EventField.EVENT_ID: Joined(join=("user_id", "n")),
            EventField.EVENT_TIME: "at",
        },
    )

    (row,) = read(b"at,user_id,n\nnoon,ada,1\n", feed=feed).rows

    assert (row["event_id"], row["user_id"]) == ("ada:1", "ada")


# NULs -----------------------------------------------------------------------------

STRIPPED = VISITS.model_copy(update={"strip_nul": True})


@pytest.mark.parametrize(
    "line",
    [
        b"no\0on,ada",
        b"\0noon,ada\0",
        b"noon\0,ada\0\r",
        b'no\0on,"ada"',
        b'noon,\0"ada"\0\r',
    ],
)
def test_nuls_are_left_out_and_the_line_is_kept_where_the_feed_wants_it(
    line: bytes,
) -> None:
    result = read(b"at,user_id\na,b\n" + line + b"\nc,d\n", feed=STRIPPED)

    assert result.values("event_time") == ["a", "noon", "c"]
    assert result.values("user_id") == ["b", "ada", "d"]
    assert result.stripped == [StrippedLine(3, line.removesuffix(b"\r"))]
    assert result.rejected == []


@pytest.mark.parametrize("size", range(1, 12))
def test_quoted_record_with_nuls_is_kept_whole(size: int) -> None:
    content = b'at,user_id\nnoon,"a\0\nb"\nnight,c\n'

    blocks = (content[i : i + size] for i in range(0, len(content), size))
    result = read(*blocks, feed=STRIPPED)

    assert result.values("user_id") == ["a\nb", "c"]
    assert result.stripped == [StrippedLine(2, b'noon,"a\0\nb"')]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"no\0on", "has 1 fields, the header 2"),
        (b"no\0on,\xff", "is not UTF-8"),
        (b'no\0on,"ada', UNCLOSED),
        (b'no\0on,"a","b"', "has 3 fields, the header 2"),
    ],
)
def test_line_that_is_bad_without_its_nuls_too_is_rejected_with_them(
    line: bytes, reason: str
) -> None:
    result = read(b"at,user_id\na,b\n" + line + b"\n", feed=STRIPPED)

    assert result.rejected == [RejectedLine(3, reason, line, len(line))]
    assert result.stripped == []


def test_line_of_nuls_alone_is_blank() -> None:
    result = read(b"at,user_id\n\0\0\n\0\r\na,b\n", feed=STRIPPED)

    assert result.line_numbers == [4]
    assert (result.rejected, result.stripped) == ([], [])


def test_nuls_of_the_header_are_left_out() -> None:
    result = read(b"\0at,us\0er_id\nnoon,ada\n", feed=STRIPPED)

    assert result.values("user_id") == ["ada"]


# JSON in attributes ---------------------------------------------------------------


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_json_too_deep_for_postgres_rejects_the_line(quote: bytes) -> None:
    feed = VISITS.model_copy(update={"attributes": {"extra": "json", "page": "text"}})
    deep = b"[" * 100_000 + b"]" * 100_000
    line = b"noon,/x," + quote + deep + quote
    content = b"at,page,extra\na,/x,[1]\n" + line + b"\nb,/y,[[2]]\n"

    result = read(content, feed=feed)

    assert result.rejected == [
        RejectedLine(3, "is JSON nested too deep", line, len(line))
    ]
    assert result.line_numbers == [2, 4]


def test_brackets_in_an_attribute_that_is_no_json_are_text() -> None:
    feed = VISITS.model_copy(update={"attributes": {"page": "text"}})

    result = read(b"at,page\nnoon," + b"[" * 2_000 + b"\n", feed=feed)

    assert result.rejected == []


# Drift ----------------------------------------------------------------------------


def drift(header: bytes, feed: Feed) -> Drift:
    records = read_csv(split_at_lines([header]), feed, load_id=LOAD_ID)
    assert list(records.batches)
    assert records.header == header
    return records.drift


def test_undeclared_columns_are_told_if_the_feed_declares_attributes() -> None:
    feed = VISITS.model_copy(update={"attributes": {"page": "text", "a.b": "text"}})

    found = drift(b"at,customer,page,user_id,a.b,zoom,colour", feed)

    assert found == Drift(unknown_fields=("colour", "zoom"))


def test_no_column_is_unknown_if_the_feed_declares_no_attributes() -> None:
    assert drift(b"at,customer,colour", VISITS) == Drift()


def test_declared_columns_that_are_missing_are_told() -> None:
    feed = JOINED.model_copy(update={"attributes": {"page": "text"}})

    assert drift(b"day,time", feed).missing_fields == ("number", "page", "part")


def test_event_field_s_own_name_need_not_be_there() -> None:
    assert drift(b"at,customer", VISITS).missing_fields == ()


def test_a_hundred_names_are_told_and_the_beginning_of_each() -> None:
    feed = VISITS.model_copy(update={"attributes": {}})
    names = [f"{number:03}" + "x" * 500 for number in range(300)]

    unknown = drift(f"at,customer,{','.join(names)}".encode(), feed).unknown_fields

    assert unknown == tuple(name[:200] for name in names[:100])


# Properties -----------------------------------------------------------------------

PLAIN = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
)
AWKWARD = st.text('ab,"\n\r;\\. é%', max_size=8)
TABLES = st.lists(st.tuples(PLAIN | AWKWARD, AWKWARD | PLAIN), max_size=12)
CUTS = st.lists(st.integers(0, 300), max_size=6)


def cut(content: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(content), *(min(place, len(content)) for place in cuts)})
    return [content[a:b] for a, b in pairwise(places)]


@given(TABLES, CUTS, st.sampled_from(["\n", "\r\n"]))
def test_whatever_a_csv_writer_wrote_is_read_back(
    table: list[tuple[str, str]], cuts: list[int], line_end: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    for values in table:
        writer.writerow(values)
    # Written with CR LF, so that the writer quotes a CR too.
    written = text.getvalue() if line_end == "\r\n" else unify(table)
    content = f"at,user_id{line_end}{written}".encode()

    result = read(*cut(content, cuts))

    assert result.rejected == []
    assert [(row["event_time"], row["user_id"]) for row in result.rows] == table


def unify(table: list[tuple[str, str]]) -> str:
    """The table with every value quoted and LF at each line's end."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(table)
    return text.getvalue()


@given(TABLES, CUTS)
def test_attributes_are_read_back_too(
    table: list[tuple[str, str]], cuts: list[int]
) -> None:
    content = f"at,page\n{unify(table)}".encode()

    result = read(*cut(content, cuts))

    pages = [
        json.loads(row["attributes"])["page"] if row["attributes"] else ""
        for row in result.rows
    ]
    assert result.rejected == []
    assert pages == [page for _, page in table]


@given(st.binary(max_size=80), CUTS)
def test_no_line_of_any_bytes_is_lost(content: bytes, cuts: list[int]) -> None:
    content = content.replace(b'"', b"'")

    result = read(*cut(b"at,user_id\n" + content, cuts))

    lines = content.split(b"\n")
    told = {line.line_number for line in result.rejected} | set(result.line_numbers)
    assert told == {n for n, line in enumerate(lines, 2) if line not in (b"", b"\r")}


@given(st.text('ab,"\n', max_size=60), CUTS)
def test_every_line_is_in_a_record_or_rejected_whatever_the_quotes(
    text: str, cuts: list[int]
) -> None:
    result = read(*cut(f"at,user_id\n{text}".encode(), cuts))

    covered: set[int] = set()
    for line in result.rejected:
        covered.update(range(line.line_number, line.line_number + lines_of(line.line)))
    for row in result.rows:
        inner = sum(row[column].count("\n") for column in ("event_time", "user_id"))
        number = int(row["line_number"])
        covered.update(range(number, number + inner + 1))
    lines = text.split("\n")
    assert covered >= {n for n, line in enumerate(lines, 2) if line}


def lines_of(record: bytes) -> int:
    return record.count(b"\n") + 1


@given(st.text('ab,"\n', max_size=60), CUTS)
def test_cuts_change_nothing_whatever_the_quotes(text: str, cuts: list[int]) -> None:
    content = f"at,user_id\n{text}".encode()

    assert read(*cut(content, cuts)) == read(content)
