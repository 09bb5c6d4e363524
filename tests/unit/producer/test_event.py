import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_warehouse.errors import WarehouseError
from event_warehouse.feeds import EventField
from event_warehouse.producer.event import (
    MOST_EVENT_BYTES,
    EventError,
    encode_event,
    problem_of_text,
)
from event_warehouse.producer.tracker import Tracker

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def encode(attributes: dict[str, object] | None = None, /, **fields: object) -> Any:
    """The event as whoever receives the line reads it."""
    _, line = encode_event({"event_type": "visit", **fields}, attributes or {})
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return json.loads(line)


def nested(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def refusal(attributes: dict[str, object] | None = None, /, **fields: object) -> str:
    """What a person reads of an event that can't be sent."""
    with pytest.raises(EventError) as refused:
        encode(attributes, **fields)
    return str(refused.value)


def test_tracker_has_the_warehouse_s_event_fields() -> None:
    names = set(Tracker.track.__annotations__) - {"attributes", "return"}

    assert names == {field.value for field in EventField}


def test_event_has_its_fields_and_attributes_side_by_side() -> None:
    event = encode(
        {"amount": 12.5, "tags": ["a", None]},
        event_id="e1",
        event_time=NOON,
        tenant_id="acme",
        user_id="ada",
        sample_rate=10,
    )

    assert event == {
        "tenant_id": "acme",
        "event_id": "e1",
        "event_type": "visit",
        "event_time": "2026-01-02T12:00:00.000000Z",
        "user_id": "ada",
        "sample_rate": 10,
        "amount": 12.5,
        "tags": ["a", None],
    }


def test_field_without_a_value_is_left_out_and_an_empty_text_is_not() -> None:
    event = encode(user_id=None, session_id="")

    assert "user_id" not in event
    assert event["session_id"] == ""


def test_event_without_id_and_time_gets_a_new_id_and_now() -> None:
    before = datetime.now(UTC)
    event_id, line = encode_event({"event_type": "visit"}, {})
    event = json.loads(line)

    assert event["event_id"] == event_id == str(UUID(event_id))
    assert before <= datetime.fromisoformat(event["event_time"]) <= datetime.now(UTC)
    assert event["event_time"].endswith("Z")
    assert encode_event({"event_type": "visit"}, {})[0] != event_id


def test_time_of_any_offset_is_sent_in_utc_with_microseconds() -> None:
    local = datetime(2026, 1, 2, 1, 30, 0, 5, tzinfo=timezone(timedelta(hours=5.5)))

    assert encode(event_time=local)["event_time"] == "2026-01-01T20:00:00.000005Z"


def test_text_beyond_ascii_is_sent_as_it_is() -> None:
    _, line = encode_event({"event_type": "visit", "user_id": "Zoë 🚀"}, {})

    assert "Zoë 🚀".encode() in line


@pytest.mark.parametrize("field", sorted(set(EventField) - {EventField.EVENT_TIME}))
def test_field_of_another_type_is_refused_by_name(field: str) -> None:
    assert refusal(**{field: 1.5}).startswith(f"{field} is of type float; it must be")


@pytest.mark.parametrize("field", ["event_type", "event_id", "tenant_id"])
def test_what_identifies_an_event_is_never_empty(field: str) -> None:
    assert refusal(**{field: ""}) == f"{field} is empty; it must be text"


def test_event_without_a_type_is_refused() -> None:
    assert refusal(event_type=None).startswith("event_type is of type NoneType")


@pytest.mark.parametrize("character", ["a", "é", "€", "🚀"])
def test_text_of_1000_bytes_is_taken_and_a_byte_more_is_refused(character: str) -> None:
    size = len(character.encode())
    longest = character * (1000 // size) + "a" * (1000 % size)

    assert encode(user_id=longest)["user_id"] == longest
    assert refusal(user_id=longest + "a") == (
        "user_id has 1001 bytes in UTF-8; it may have 1000"
    )


@pytest.mark.parametrize("rate", [0, -1, 10**9])
def test_sample_rate_out_of_range_is_refused(rate: int) -> None:
    assert refusal(sample_rate=rate).startswith(f"sample_rate is {rate}; it must be")


@pytest.mark.parametrize("rate", [1, 10**9 - 1])
def test_sample_rate_at_the_edge_of_the_range_is_taken(rate: int) -> None:
    assert encode(sample_rate=rate)["sample_rate"] == rate


@pytest.mark.parametrize("rate", [True, "1", 1.0])
def test_sample_rate_that_only_looks_like_a_number_is_refused(rate: object) -> None:
    assert refusal(sample_rate=rate).startswith("sample_rate is of type")


def test_time_without_an_offset_is_refused() -> None:
    naive = NOON.replace(tzinfo=None)

    assert refusal(event_time=naive).startswith("event_time has no offset")


def test_time_as_text_is_refused() -> None:
    assert refusal(event_time="2026-01-02").startswith("event_time is of type str")


def test_time_that_utc_has_not_is_refused() -> None:
    first = datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))

    assert refusal(event_time=first).startswith("event_time is outside the years")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Decimal("1.5"), "can't be written as JSON: Object of type Decimal"),
        (NOON, "can't be written as JSON: Object of type datetime"),
        ({1, 2}, "can't be written as JSON: Object of type set"),
        ({(1, 2): 3}, "can't be written as JSON: keys must be str"),
        (float("nan"), "can't be written as JSON: Out of range float"),
        ([float("-inf")], "can't be written as JSON: Out of range float"),
        ("a\0b", "holds a NUL character"),
        ({"deep": ["a\0b"]}, "holds a NUL character"),
        ({"a\0b": 1}, "holds a NUL character"),
        ("\\\0", "holds a NUL character"),
        ("\ud800", "holds half a surrogate pair"),
    ],
)
def test_attribute_that_json_or_postgres_has_not_is_refused_by_name(
    value: object, reason: str
) -> None:
    assert refusal({"fine": 1, "odd": value}).startswith(f"odd {reason}")


def test_nul_in_a_field_is_refused_by_name() -> None:
    assert refusal(user_id="a\0").startswith("user_id holds a NUL character")


def test_half_a_surrogate_pair_in_a_name_is_refused_and_shown_in_ascii() -> None:
    assert refusal({"\ud800": 1}).startswith("\\ud800 holds half a surrogate pair")


def test_text_that_looks_like_an_escaped_nul_is_taken() -> None:
    assert encode({"path": r"\u0000 \\u0000"})["path"] == r"\u0000 \\u0000"


def test_attribute_that_contains_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)

    assert refusal({"odd": endless}) == (
        "odd can't be written as JSON: Circular reference detected"
    )


def test_attribute_nested_too_deep_is_refused() -> None:
    assert refusal({"odd": nested(100_000)}) == "odd is nested too deep for JSON"
    assert refusal({"odd": nested(32)}) == "odd is nested deeper than 32 levels"
    assert encode({"fine": nested(31)})["fine"] == nested(31)


@pytest.mark.parametrize("name", ["", "n" * 201, "é" * 101])
def test_name_that_a_service_refuses_is_refused_at_any_depth(name: str) -> None:
    reason = "has a name that is empty or over 200 bytes long"

    assert refusal({"odd": [{"deep": {name: 1}}]}) == f"odd {reason}"
    assert refusal({name: 1}).endswith(reason)


def test_name_as_long_as_a_service_takes_it_is_taken() -> None:
    assert encode({"n" * 200: {"é" * 100: 1, 7: 2}})["n" * 200]["7"] == 2


def test_id_may_be_as_long_as_a_service_takes_it() -> None:
    assert encode(event_id="e" * 200)
    assert refusal(event_id="e" * 201).startswith("event_id has 201 bytes")


def test_event_as_large_as_a_record_is_taken_and_a_byte_more_is_refused() -> None:
    _, line = encode_event({"event_type": "visit", "event_id": "e"}, {"text": ""})
    room = MOST_EVENT_BYTES - len(line)

    assert len(encode({"text": "x" * room}, event_id="e")["text"]) == room
    assert refusal({"text": "x" * (room + 1)}, event_id="e") == (
        f"the event has {MOST_EVENT_BYTES + 1} bytes, {room + 3} of them in text; "
        f"it may have {MOST_EVENT_BYTES}"
    )


@pytest.mark.parametrize("name", ["event_tag", "ts", "samplerate"])
def test_attribute_with_a_name_that_is_a_service_s_own_is_refused(name: str) -> None:
    assert refusal({name: 1}).startswith(f"{name} has a meaning of its own")


def test_refusal_is_a_value_error_and_one_of_the_warehouse_s() -> None:
    with pytest.raises(ValueError, match="event_type") as refused:
        encode(event_type="")

    assert isinstance(refused.value, WarehouseError)


def test_refusal_does_not_repeat_what_the_event_holds() -> None:
    assert "canary" not in refusal({"odd": {"canary": "canary\0"}})
    assert "canary" not in refusal(user_id="canary" * 1000)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=10,
)


@given(json_values)
def test_whatever_json_can_say_arrives_as_it_was(value: object) -> None:
    assert encode({"value": value})["value"] == value


@given(st.text())
def test_text_is_measured_in_utf_8(text: str) -> None:
    size = len((text * 50).encode("utf-8", "surrogatepass"))

    assert (problem_of_text(text * 50) is None) == (size <= 1000)
