"""What is accepted, what is refused and why, and the lines that come of it."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jsonschema  # type: ignore[import-untyped]
import jsonschema_rs
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from event_warehouse.accept.errors import Fault, InvalidRequest
from event_warehouse.accept.events import (
    MAX_DEPTH,
    MAX_KEY_BYTES,
    MAX_LISTED_FAULTS,
    Event,
    event_ids,
    read_events,
    write_lines,
)
from event_warehouse.accept.schema import (
    INDEXED,
    MAX_EVENTS,
    MAX_INDEXED_BYTES,
    SCHEMA,
    SCHEMA_TEXT,
    TOO_SMALL,
)
from event_warehouse.feeds import EventField, read_feeds
from event_warehouse.settings import PROJECT

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
VISIT = {"ts": "2025-06-01T11:00:00Z", "data": {"event_tag": "visit"}}

KEYS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1
).filter(lambda key: len(key.encode()) <= MAX_KEY_BYTES)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=5,
)
DATA = st.dictionaries(
    KEYS.filter(lambda key: key not in SCHEMA["$defs"]["event"]["properties"]), VALUES
)
EVENTS = st.fixed_dictionaries(
    {
        "ts": st.datetimes(datetime(1970, 1, 1), datetime(2025, 6, 1)).map(
            datetime.isoformat
        )
        | st.integers(10_000_000_000, 1_748_779_200_000),
        "data": DATA,
    },
    optional={
        "event_id": TEXTS.filter(lambda text: 1 <= len(text) <= 200),
        "samplerate": st.integers(1, 999_999_999)
        | st.integers(1, 999_999_999).map(str)
        | st.sampled_from([None, ""]),
    },
)


def read(*events: object) -> list[Event]:
    return read_text(json.dumps({"events": events}))


def read_text(body: str | bytes) -> list[Event]:
    return read_events(body.encode() if isinstance(body, str) else body, now=NOW)


def refused(body: str | bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as error:
        read_text(body)
    return error.value


def faults(*events: object) -> list[Fault]:
    return list(refused(json.dumps({"events": events})).faults)


def stored(*events: object, tenant: str = "acme", key: str | None = "k") -> list[Any]:
    accepted = read(*events)
    ids = event_ids(accepted, tenant=tenant, key=key, body_hash=b"1")
    lines = write_lines(accepted, ids, tenant=tenant)
    return [json.loads(line) for line in lines.splitlines()]


def test_line_has_the_event_with_its_tenant_and_an_id() -> None:
    (line,) = stored({**VISIT, "samplerate": "10"})

    assert UUID(line.pop("event_id")).version == 5
    assert line == {
        "tenant_id": "acme",
        "ts": "2025-06-01T11:00:00Z",
        "samplerate": 10,
        "data": {"event_tag": "visit"},
    }


def test_data_keeps_its_text_on_one_line() -> None:
    data = '{"price" : 1.50,\r\n"n":1234567890123456789012,\n"s":"a\\n\\u00e9"}'
    events = read_text(f'{{"events":[{{"ts":1748775600000,"data":{data}}}]}}')
    line = write_lines(events, ["1"], tenant="acme")

    assert line.count(b"\n") == 1
    assert line.endswith(
        b'"data":{"price" : 1.50,"n":1234567890123456789012,"s":"a\\n\\u00e9"}}\n'
    )


@given(st.lists(EVENTS, min_size=1, max_size=3))
def test_whatever_is_accepted_is_stored_as_it_was_sent(events: list[Any]) -> None:
    lines = stored(*events)

    for event, line in zip(events, lines, strict=True):
        assert line["data"] == event["data"]
        assert line["event_id"] == event.get("event_id", line["event_id"])
        assert line.get("samplerate") == (int(event.get("samplerate") or 0) or None)
        if isinstance(event["ts"], str):
            assert line["ts"] == event["ts"]
        else:
            sent = datetime.fromtimestamp(event["ts"] / 1000, UTC)
            assert abs(datetime.fromisoformat(line["ts"]) - sent).microseconds <= 1


@given(st.binary() | st.recursive(VALUES, st.lists).map(json.dumps).map(str.encode))
@example(b'{"events":[{"ts":1748775600000,"data":{"a":"\\ud800"}}]}')
@example(b'{"events":[{"ts":1748775600000,"data":{"a":"\xff"}}]}')
@example(b'\xef\xbb\xbf{"events":[]}')
@example(b'{"events":[{"ts":NaN,"data":{}}]}')
@example(b'{"events":[{"ts":1748775600000,"data":{"a":1e999}}]}')
@example(b'{"events":[{"ts":1' + b"0" * 5000 + b',"data":{}}]}')
def test_body_that_is_no_request_is_refused_and_breaks_nothing(body: bytes) -> None:
    assert str(refused(body)).endswith(".")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "The body is not JSON: "),
        ('{"events":[{"ts":1748775600000,"data":{}}', "The body is not JSON: "),
        ("[]", "The body is not a list of events: "),
        ("{}", "The body is not a list of events: "),
        ('{"events":{}}', "The body is not a list of events: "),
        ('{"events":[],"tenant_id":"acme"}', "The body is not a list of events: "),
        ('{"events":[]}', "The body has too few or too many events."),
        ("[" * 100_000, "The body is not a list of events: "),
        ('{"events":' + "[" * 100_000, "The body is JSON nested too deep."),
    ],
)
def test_body_that_is_no_list_of_events_is_refused_with_the_reason(
    body: str, message: str
) -> None:
    assert str(refused(body)).startswith(message)


def test_as_many_events_as_the_schema_allows_are_accepted() -> None:
    assert len(read(*[VISIT] * MAX_EVENTS)) == MAX_EVENTS
    assert faults(*[VISIT] * (MAX_EVENTS + 1)) == [
        Fault("has more than 10,000 items", "events")
    ]


@pytest.mark.parametrize(
    ("event", "field", "reason"),
    [
        (7, None, "must be an object"),
        ({"data": {}}, "ts", "is missing"),
        ({"ts": 1748775600000}, "data", "is missing"),
        ({**VISIT, "data": []}, "data", "must be an object"),
        ({**VISIT, "data": None}, "data", "must be an object"),
        ({**VISIT, "ts": None}, "ts", "must be a number or a string"),
        ({**VISIT, "ts": -1}, "ts", TOO_SMALL),
        ({**VISIT, "ts": 1748775600}, "ts", TOO_SMALL),
        ({**VISIT, "ts": 1748775600.123}, "ts", TOO_SMALL),
        ({**VISIT, "ts": "1748775600"}, "ts", TOO_SMALL),
        ({**VISIT, "ts": 9_999_999_999}, "ts", TOO_SMALL),
        ({**VISIT, "ts": 1e300}, "ts", "is more than 253402300799999"),
        ({**VISIT, "event_id": ""}, "event_id", "is empty"),
        ({**VISIT, "event_id": 7}, "event_id", "must be a string"),
        ({**VISIT, "event_id": "a\0"}, "event_id", "holds a NUL character"),
        ({**VISIT, "event_id": "a" * 201}, "event_id", "is longer than 200 characters"),
        ({**VISIT, "samplerate": 0}, "samplerate", "is less than 1"),
        (
            {**VISIT, "samplerate": 10**9},
            "samplerate",
            "is more than 999999999",
        ),
        (
            {**VISIT, "samplerate": "1.5"},
            "samplerate",
            "is not a whole number from 1 to 999999999",
        ),
        (
            {**VISIT, "samplerate": 1.5},
            "samplerate",
            "must be a whole number or null or a string",
        ),
        (
            {**VISIT, "samplerate": True},
            "samplerate",
            "must be a whole number or null or a string",
        ),
        (
            {**VISIT, "tenant_id": "globex"},
            "tenant_id",
            "is the service's to decide; leave it out",
        ),
        (
            {**VISIT, "user": "u-1"},
            "user",
            "is not a member of an event; put it into data",
        ),
        ({**VISIT, "data": {"": 1}}, "data", "has a key that is empty"),
        (
            {**VISIT, "data": {"a": {"k" * 201: 1}}},
            "data.a",
            "has a key that is longer than 200 characters",
        ),
        (
            {**VISIT, "data": {"a": {"é" * 101: 1}}},
            "data",
            "has a key that is longer than 200 bytes",
        ),
        ({**VISIT, "data": {"a\0": 1}}, "data", "has a key that holds a NUL character"),
        ({**VISIT, "data": {"a": ["\0"]}}, "data.a.0", "holds a NUL character"),
    ],
)
def test_event_at_fault_is_refused_by_index_field_and_reason(
    event: object, field: str | None, reason: str
) -> None:
    assert faults(VISIT, event, VISIT) == [Fault(reason, field, 1)]


@pytest.mark.parametrize("key", ["event_id", "ts", "samplerate"])
def test_data_may_not_hide_an_event_s_own_members(key: str) -> None:
    assert faults({**VISIT, "data": {key: "1"}}) == [
        Fault("belongs beside data, not into it", f"data.{key}", 0)
    ]
    assert read({**VISIT, "data": {"nested": {key: "1"}}})


def test_tenant_is_the_service_s_to_decide_wherever_the_client_names_it() -> None:
    reason = "is the service's to decide; leave it out"

    assert faults({**VISIT, "tenant_id": "acme", "data": {"tenant_id": "acme"}}) == [
        Fault(reason, "data.tenant_id", 0),
        Fault(reason, "tenant_id", 0),
    ]


def test_ten_digits_are_seconds_and_eleven_are_milliseconds() -> None:
    assert read({**VISIT, "ts": 10_000_000_000})[0].ts == "1970-04-26T17:46:40.000Z"
    assert read({**VISIT, "ts": "10000000000"})[0].ts == "1970-04-26T17:46:40.000Z"
    assert (
        "seconds, multiply it by 1,000" in faults({**VISIT, "ts": 9999999999})[0].reason
    )


@pytest.mark.parametrize("name", INDEXED)
def test_value_that_the_cast_would_reject_as_too_long_is_refused(name: str) -> None:
    for longest in ("a" * 1000, "é" * 500, "\u00e9" * 500, [0] * 333):
        assert read({**VISIT, "data": {name: longest}})
    for too_long in ("é" * 501, "\u20ac" * 334, [0] * 335, 10**1000):
        assert faults(VISIT, {**VISIT, "data": {name: too_long}}) == [
            Fault("is longer than 1000 bytes", f"data.{name}", 1)
        ]
    assert faults({**VISIT, "data": {name: "a" * 1001}}) == [
        Fault("is longer than 1000 characters", f"data.{name}", 0)
    ]


def test_value_that_nothing_is_looked_up_by_may_be_long() -> None:
    assert read({**VISIT, "data": {"page": "é" * 5000, "a": {"user_id": "é" * 5000}}})


def test_values_are_refused_by_the_fields_and_the_length_that_the_cast_has() -> None:
    variables = yaml.safe_load(
        (PROJECT / "dbt_project" / "dbt_project.yml").read_text()
    )["vars"]
    named = read_feeds(PROJECT / "feeds.yml")["api_events"].fields
    sources = {named.get(EventField(one), one) for one in variables["key_fields"]}

    assert {*INDEXED} == sources - {"tenant_id"}
    assert variables["max_key_bytes"] == MAX_INDEXED_BYTES


def test_all_faults_of_an_event_are_listed() -> None:
    found = faults({"event_id": "", "samplerate": -1, "user": 1, "data": {}})

    assert {fault.field: fault.reason for fault in found} == {
        "ts": "is missing",
        "event_id": "is empty",
        "samplerate": "is less than 1",
        "user": "is not a member of an event; put it into data",
    }


def test_of_a_large_event_only_one_fault_is_looked_for() -> None:
    assert len(faults({**VISIT, "data": {"a": ["\0"] * 5_000}})) == 1


def test_faults_are_listed_up_to_a_limit_and_all_events_at_fault_counted() -> None:
    error = refused(json.dumps({"events": [VISIT, *[{"ts": 1748775600000}] * 250]}))

    assert len(error.faults) == MAX_LISTED_FAULTS
    assert error.faults[-1].index == MAX_LISTED_FAULTS
    assert error.invalid_events == 250
    assert str(error).startswith(
        "250 of 251 events are not valid, so none was accepted"
    )


def test_faults_that_only_a_clock_or_a_parser_finds_are_listed_with_the_others() -> (
    None
):
    error = refused(
        b'{"events":[{"ts":"2025-02-30T00:00:00Z","data":{}},{},'
        b'{"ts":1748775600000,"data":{"a":1e999}},'
        b'{"ts":1748775600000,"data":{"a":"\xff"}}]}'
    )

    assert [(fault.index, fault.field) for fault in error.faults] == [
        (0, "ts"),
        (1, "data"),
        (1, "ts"),
        (2, None),
        (3, None),
    ]


def test_no_fault_repeats_a_value() -> None:
    canary = "s3cret-canary"
    bad = {"ts": canary, "samplerate": canary, "event_id": canary * 20, "data": canary}

    assert canary not in str([*faults(bad), *faults(canary), *faults([canary])])


def test_nul_in_a_value_that_a_repeated_key_hides_is_found() -> None:
    hidden = '{"events":[{"ts":1748775600000,"data":{"a":{"b":"\\u0000","b":1}}}]}'

    assert refused(hidden).faults == (Fault("holds a NUL character", "data", 0),)


@pytest.mark.parametrize("text", ["\\\\u0000", "\\\\\\\\u0000", "u0000"])
def test_escaped_backslash_before_u0000_is_no_nul(text: str) -> None:
    assert read_text(f'{{"events":[{{"ts":1748775600000,"data":{{"a":"{text}"}}}}]}}')


def nested(levels: int) -> object:
    value: object = 1
    for level in range(levels):
        value = [value, "]"] if level % 2 else {"k": value, "l": '"[[[{{'}
    return value


def test_data_may_be_nested_to_the_limit_and_no_deeper() -> None:
    assert read({**VISIT, "data": {"a": nested(MAX_DEPTH - 1)}})
    assert faults({**VISIT, "data": {"a": nested(MAX_DEPTH)}}) == [
        Fault("is nested deeper than 32 levels", "data", 0)
    ]


def test_wide_data_is_not_deep() -> None:
    assert read({**VISIT, "data": {"a": [[{}], [[]], {"b": []}] * 1_000}})


@pytest.mark.parametrize("levels", [33, 500, 900])
def test_depth_is_told_from_what_strings_hold(levels: int) -> None:
    deep = '["]",' * levels + "1" + "]" * levels

    assert refused(
        f'{{"events":[{{"ts":1748775600000,"data":{{"a":{deep}}}}}]}}'
    ).faults == (Fault("is nested deeper than 32 levels", "data", 0),)


@pytest.mark.parametrize("samplerate", ["", None])
def test_empty_samplerate_is_none(samplerate: object) -> None:
    assert "samplerate" not in stored({**VISIT, "samplerate": samplerate})[0]


def test_whole_number_with_a_fraction_of_zero_is_a_samplerate() -> None:
    assert stored({**VISIT, "samplerate": 5.0})[0]["samplerate"] == 5


def ids(
    *events: object, tenant: str = "acme", key: str | None = "k", body: bytes = b"1"
) -> list[str]:
    return event_ids(read(*events), tenant=tenant, key=key, body_hash=body)


def test_same_key_and_body_make_the_same_ids() -> None:
    assert ids(VISIT, VISIT) == ids(VISIT, VISIT)
    assert len(set(ids(VISIT, VISIT))) == 2


def test_ids_of_a_key_never_change() -> None:
    assert ids(VISIT) == ["a31922ac-9943-58f9-817d-deb349b8ce65"]


def test_other_tenant_or_key_makes_other_ids() -> None:
    made = [
        ids(VISIT, tenant=tenant, key=key)[0]
        for tenant, key in [("acme", "k"), ("acm", "ek"), ("acme", "K"), ('a","', "k")]
    ]

    assert len(set(made)) == 4


def test_other_body_makes_other_ids_under_the_same_key() -> None:
    assert ids(VISIT, body=b"1") != ids(VISIT, body=b"2")


def test_without_a_key_ids_are_random() -> None:
    assert ids(VISIT, key=None) != ids(VISIT, key=None)
    assert UUID(ids(VISIT, key=None)[0]).version == 4


def test_id_that_the_client_gave_stays_and_shifts_no_other() -> None:
    named = {**VISIT, "event_id": "mine"}

    assert ids(named, VISIT) == ["mine", ids(VISIT, VISIT)[1]]


def test_schema_is_one() -> None:
    assert jsonschema_rs.meta.is_valid(json.loads(SCHEMA_TEXT))


REFERENCE = jsonschema.Draft202012Validator(
    {"$ref": "#/$defs/event", "$defs": SCHEMA["$defs"]}
)
MEMBERS = ["ts", "data", "event_id", "samplerate", "tenant_id", "x"]
ODD: list[object] = ["", "x", -1, 0, 1.5, True, None, [], {}, "2025-06-01T11:00:00Z"]


@given(EVENTS, st.dictionaries(st.sampled_from(MEMBERS), st.sampled_from(ODD)))
def test_schema_has_the_last_word_as_any_validator_reads_it(
    event: dict[str, Any], changes: dict[str, Any]
) -> None:
    changed = {**event, **changes}
    if not REFERENCE.is_valid(changed):
        assert faults(changed)
    else:
        assert read(changed)
