"""A question is read as its schema says, and each fault is named with its place."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from event_warehouse.query.body import Operation, Query, read_query, read_time
from event_warehouse.query.contradictions import refuse_contradictions
from event_warehouse.query.errors import InvalidQuery
from event_warehouse.query.keys import Field, Key, NoKey, read_key
from event_warehouse.query.regex import problem_of_regex

RANGE = {"start": "2025-01-01", "end": "2025-01-02"}


def read(**members: Any) -> Query:
    body = {**RANGE, "data": [{"name": "a"}], **members}
    query = read_query(json.dumps(body).encode())
    refuse_contradictions(query)
    return query


def read_filter(**members: Any) -> Query:
    return read(data=[{"name": "a", "filters": [members]}])


def faults(**members: Any) -> dict[str | None, str]:
    with pytest.raises(InvalidQuery) as caught:
        read(**members)
    return {fault.field: fault.reason for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2025-01-31", datetime(2025, 1, 31, tzinfo=UTC)),
        ("2025-01-31T10:00", datetime(2025, 1, 31, 10, tzinfo=UTC)),
        ("2025-01-31 10:00:00.25+01:00", datetime(2025, 1, 31, 9, 0, 0, 250_000, UTC)),
        (1_738_317_600_500, datetime(2025, 1, 31, 10, 0, 0, 500_000, UTC)),
    ],
)
def test_time_is_read_as_utc(written: str | int, time: datetime) -> None:
    assert read_time(written) == time


@pytest.mark.parametrize(
    "written", ["2025-02-30", "2025-01-01T24:01", "0001-01-01T00:00:00+01:00"]
)
def test_time_that_there_is_not_is_refused(written: str) -> None:
    assert faults(start=written) == {"/start": "is not a valid time"}


def test_both_forms_of_the_seed_ask_the_same() -> None:
    short = read(data=[{"name": "a", "unique": ["user_id"]}]).series[0]
    long = read(
        data=[{"name": "a", "operations": [{"type": "unique", "key": "user_id"}]}]
    ).series[0]

    assert short.all_operations == long.all_operations
    assert short.all_operations == (Operation("unique", keys=("user_id",)),)


def test_keys_of_a_series_are_filters_that_they_are_there() -> None:
    series = read(data=[{"name": "a", "keys": ["user_id"]}]).series[0]

    assert [(one.type, one.key) for one in series.all_filters] == [("all", "user_id")]


def test_funnel_alone_and_in_a_list_are_the_same() -> None:
    funnel = {"type": "any", "order": ["a", "a"], "match": ["user_id"]}
    other = {"type": "any", "data": ["a", "a"], "match": ["user_id"]}

    (one,), (two,) = read(funnel=funnel).funnels, read(funnel=[other]).funnels

    assert one.steps == two.steps == ("a", "a")


@pytest.mark.parametrize(
    ("members", "field", "reason"),
    [
        ({"colour": 1}, "/colour", "is not known here"),
        ({"start": 3.5}, "/start", "must be a whole number or a text"),
        ({"start": "soon"}, "/start", "is not a time such as 2025-01-31T12:00:00Z"),
        ({"data": []}, "/data", "is empty"),
        ({"data": [{}]}, "/data/0/name", "is missing"),
        ({"data": [{"name": "a\0"}]}, "/data/0/name", "holds a NUL character"),
        ({"breakdown": {"keys": []}}, "/breakdown/keys", "is empty"),
        (
            {"breakdown": {"keys": ["a"], "limit": 10_001}},
            "/breakdown/limit",
            "is more than 10000",
        ),
        (
            {"funnel": {"type": "any", "match": ["a"], "order": ["a", "b"]}},
            "/funnel/order/1",
            "is not the name of a series",
        ),
        (
            {"funnel": [{"type": "any", "match": ["a"], "data": ["b", "a"]}]},
            "/funnel/0/data/0",
            "is not the name of a series",
        ),
        (
            {"funnel": {"type": "any", "match": ["tenant_id"], "order": ["a", "a"]}},
            "/funnel/match/0",
            "is the caller's to decide; leave it out",
        ),
    ],
)
def test_fault_is_named_with_its_place(
    members: dict[str, Any], field: str, reason: str
) -> None:
    assert faults(**members) == {field: reason}


@pytest.mark.parametrize(
    ("one", "field", "reason"),
    [
        ({"type": "eq", "key": "a"}, "value", "is missing"),
        ({"type": "all", "key": "a", "value": 1}, "value", "has no place here"),
        ({"type": "in", "key": "a", "values": []}, "values", "is empty"),
        ({"type": "or"}, "filters", "is missing"),
        ({"type": "lt", "key": "a", "value": True}, "value", "must be a number or"),
        ({"type": "prefix", "key": "a", "value": ""}, "value", "is empty"),
        ({"type": "eq", "key": ["a", ""], "value": 1}, "key/1", "is empty"),
        ({"type": "gt", "key": "ts", "value": 1.5}, "value", "is not a time"),
    ],
)
def test_fault_of_a_filter_is_named_with_its_place(
    one: dict[str, Any], field: str, reason: str
) -> None:
    (found,) = faults(data=[{"name": "a", "filters": [one]}]).items()

    assert found[0] == f"/data/0/filters/0/{field}"
    assert found[1].startswith(reason)


def test_no_fault_tells_the_value() -> None:
    secret = "c4nary" * 400

    told = faults(start=secret, time_zone=secret, data=[{"name": secret}])

    assert len(told) == 3
    assert "c4nary" not in repr(told)


def test_filters_may_be_grouped_deep_but_not_too_deep() -> None:
    def nested(depth: int) -> dict[str, Any]:
        one: dict[str, Any] = {"type": "all", "key": "a"}
        for _ in range(depth):
            one = {"type": "and", "filters": [one]}
        return one

    read_filter(**nested(12))
    with pytest.raises(InvalidQuery, match="nested deeper than 32 levels"):
        read_filter(**nested(20))


def test_brackets_in_texts_are_no_depth() -> None:
    query = read_filter(type="eq", key="a", value="[" * 100)

    assert query.series[0].filters[0].value == "[" * 100


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("user_id", Key(Field.USER_ID, ())),
        ("event_tag", Key(Field.EVENT_TYPE, ())),
        ("samplerate", Key(Field.SAMPLE_RATE, ())),
        ("actor.login", Key(None, ("actor", "login"))),
        ("attributes.user_id", Key(None, ("user_id",))),
        (("actor", "first.name"), Key(None, ("actor", "first.name"))),
        (("user_id",), Key(Field.USER_ID, ())),
    ],
)
def test_key_is_a_field_or_a_path(written: str | tuple[str, ...], key: Key) -> None:
    assert read_key(written) == key


@pytest.mark.parametrize(
    "written", [".", "a.", ".a", "a..b", "attributes.", "tenant_id"]
)
def test_key_that_leads_nowhere_is_refused(written: str) -> None:
    with pytest.raises(NoKey):
        read_key(written)


@pytest.mark.parametrize(
    "expression",
    [
        "5..",
        "^a|b$",
        "(?:a|b)+c*?",
        r"\d{1,3}\.\w",
        "[^]a-z[:alpha:]]",
        r"[\]x]",
        "é{2,}",
        "a{500}(b{20}){20}",
    ],
)
def test_expression_of_linear_time_may_be_asked(expression: str) -> None:
    assert problem_of_regex(expression) is None


@pytest.mark.parametrize(
    "expression",
    [
        r"(a)\1",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?<!a)",
        "(?i)a",
        "***:a",
        r"\bword",
        "a\\",
        "[a",
        "a{1001}",
        "((a{50}){50})",
        "a{500}b{501}",
        "(a{300}|b{300}){2}",
        "(a",
        "a)",
    ],
)
def test_expression_that_could_take_for_ever_is_refused(expression: str) -> None:
    assert problem_of_regex(expression) is not None
