"""The parameters of a query string, and what is told of those that are wrong."""

from datetime import UTC, datetime

import pytest

from event_warehouse.query.query_string import QueryString

KNOWN = ("start", "limit", "fill")


def read(*parameters: tuple[str, str]) -> QueryString:
    return QueryString(parameters, KNOWN)


def told(given: QueryString) -> list[tuple[str | None, str]]:
    return [(fault.field, fault.reason) for fault in given.faults]


def test_parameter_that_is_left_out_is_none_and_no_fault() -> None:
    given = read()

    assert given.text("start") is None
    assert given.moment("start") is None
    assert given.number("limit", 10) is None
    assert given.one_of("fill", ["zero"]) is None
    assert told(given) == []


def test_unknown_and_repeated_parameters_are_each_told_once() -> None:
    given = read(*[("x", "1")] * 3, *[("limit", "1")] * 3)

    assert told(given) == [
        ("x", "is not one of start, limit, fill"),
        ("limit", "is given more than once"),
    ]


@pytest.mark.parametrize("text", ["", "0", "11", "-1", "1e1", " 1", "٣", "9" * 5_000])
def test_number_out_of_its_range_or_in_another_form_is_a_fault(text: str) -> None:
    given = read(("limit", text))

    assert given.number("limit", 10) is None
    assert told(given) == [("limit", "must be a whole number from 1 to 10")]


def test_ends_of_a_number_s_range_belong_to_it() -> None:
    assert read(("limit", "1")).number("limit", 10) == 1
    assert read(("limit", "10")).number("limit", 10) == 10


def test_plus_of_an_offset_that_came_as_a_space_is_restored() -> None:
    given = read(("start", "2025-06-01T12:00:00 02:00"))

    assert given.moment("start") == datetime(2025, 6, 1, 10, tzinfo=UTC)


def test_every_fault_is_in_the_error() -> None:
    given = read(("start", "yesterday"), ("limit", "0"), ("fill", "one"))
    given.moment("start")
    given.number("limit", 10)
    given.one_of("fill", ["zero"])

    assert [fault.field for fault in given.invalid().faults] == [
        "start",
        "limit",
        "fill",
    ]


def test_what_can_not_be_parsed_is_a_fault_with_the_reason_given() -> None:
    given = read(("start", "x"))

    assert given.parsed("start", int, "is no year") is None
    assert told(given) == [("start", "is no year")]
