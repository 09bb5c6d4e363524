"""`GET /events/customers/{customer_id}/buckets`, of a server of its own."""

from typing import Any

import pytest

from tests.integration.api.conftest import Api

ACME = "/events/customers/acme/buckets"
DAY = {"start": "2025-06-01T00:00:00Z", "end": "2025-06-02T00:00:00Z"}


def counts(answer: dict[str, Any]) -> dict[str, int]:
    return {one["ts_start_of_hour"]: one["count"] for one in answer["buckets"]}


def faults(content: dict[str, Any]) -> dict[str, str]:
    return {one["field"]: one["reason"] for one in content["errors"]}


def test_answer_has_the_customer_and_a_count_for_each_hour_with_events(
    api: Api,
) -> None:
    answer = api.get(ACME, **DAY)

    assert answer.status_code == 200
    content = answer.json()
    assert content["customer_id"] == "acme"
    assert content["buckets"] == [
        {"ts_start_of_hour": "2025-06-01T10:00:00Z", "count": 3},
        {"ts_start_of_hour": "2025-06-01T11:00:00Z", "count": 1},
        {"ts_start_of_hour": "2025-06-01T12:00:00Z", "count": 1},
        {"ts_start_of_hour": "2025-06-01T15:00:00Z", "count": 1},
    ]
    assert content["next"] is None


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        # The whole buckets whose start lies in [floor(start), end).
        ("2025-06-01T10:59:59.999Z", "2025-06-01T11:00:00Z", [10]),
        ("2025-06-01T10:59:59Z", "2025-06-01T11:00:00.000001Z", [10, 11]),
        ("2025-06-01T11:00:00Z", "2025-06-01T15:00:00Z", [11, 12]),
        ("2025-06-01T13:00:00Z", "2025-06-01T15:00:00Z", []),
        # Any offset; without one it is UTC.
        ("2025-06-01T12:00:00+02:00", "2025-06-01T13:00:00+02:00", [10]),
        ("2025-06-01T06:30:00-0430", "2025-06-01T06:31:00-04:30", [11]),
        ("2025-06-01T15:30:00+05:30", "2025-06-01T16:30:00+05:30", [10]),
        ("2025-06-01T10:00", "2025-06-01T11:00:00Z", [10]),
        ("2025-06-01", "2025-06-02", [10, 11, 12, 15]),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", [10, 11, 12, 15]),
    ],
)
def test_hours_of_a_range_are_those_that_start_in_it(
    api: Api, start: str, end: str, hours: list[int]
) -> None:
    answer = api.get(ACME, start=start, end=end)

    assert answer.status_code == 200, answer.text
    assert list(counts(answer.json())) == [
        f"2025-06-01T{hour:02}:00:00Z" for hour in hours
    ]


def test_plus_of_an_offset_that_is_not_escaped_is_understood(api: Api) -> None:
    query = "?start=2025-06-01T12:00:00+02:00&end=2025-06-01T13:00:00+02:00"

    assert counts(api.get(ACME + query).json()) == {"2025-06-01T10:00:00Z": 3}


def test_customer_that_nobody_knows_has_no_buckets(api: Api) -> None:
    answer = api.get("/events/customers/nobody/buckets", **DAY)

    assert answer.status_code == 200
    assert answer.json()["buckets"] == []
    assert answer.json()["customer_id"] == "nobody"


@pytest.mark.parametrize("name", ["a%2Fb%20c%27%22%25%3B--", "Z%C3%BCrich%20%E2%98%83"])
def test_customer_may_be_called_anything(api: Api, name: str) -> None:
    answer = api.get(f"/events/customers/{name}/buckets", **DAY)

    assert counts(answer.json()) == {"2025-06-01T10:00:00Z": 1}


def test_only_events_of_the_type_are_counted(api: Api) -> None:
    answer = api.get(ACME, event_type="buy", **DAY)

    assert counts(answer.json()) == {"2025-06-01T10:00:00Z": 1}


def test_hours_without_events_are_filled_with_zero(api: Api) -> None:
    answer = api.get(
        ACME, start="2025-06-01T09:30:00Z", end="2025-06-01T12:30:00Z", fill="zero"
    )

    assert list(counts(answer.json()).items()) == [
        ("2025-06-01T09:00:00Z", 0),
        ("2025-06-01T10:00:00Z", 3),
        ("2025-06-01T11:00:00Z", 1),
        ("2025-06-01T12:00:00Z", 1),
    ]


@pytest.mark.parametrize("more", [{}, {"fill": "zero"}, {"event_type": "visit"}])
def test_pages_together_are_the_whole_answer(api: Api, more: dict[str, str]) -> None:
    whole = api.get(ACME, **DAY, **more).json()
    pages = [api.get(ACME, limit="2", **DAY, **more).json()]
    while pages[-1]["next"]:
        pages.append(api.get(ACME + pages[-1]["next"]).json())

    assert [one for page in pages for one in page["buckets"]] == whole["buckets"]
    assert all(len(page["buckets"]) <= 2 for page in pages)
    assert len(pages) == (len(whole["buckets"]) + 1) // 2
    assert len(whole["buckets"]) == (24 if "fill" in more else 4)


def test_answer_is_bounded_whatever_is_asked_for(api: Api) -> None:
    answer = api.get(
        ACME, start="0001-01-01", end="9999-12-31T23:59:59.999999Z", fill="zero"
    )

    assert len(answer.json()["buckets"]) == 1_000
    assert answer.json()["buckets"][0]["ts_start_of_hour"] == "0001-01-01T00:00:00Z"


def test_last_hour_there_is_can_be_asked_for(api: Api) -> None:
    answer = api.get(
        ACME, start="9999-12-31T22:00:00Z", end="9999-12-31T23:59:59Z", fill="zero"
    )

    assert list(counts(answer.json())) == [
        "9999-12-31T22:00:00Z",
        "9999-12-31T23:00:00Z",
    ]


@pytest.mark.parametrize(
    ("parameters", "field", "reason"),
    [
        ({"end": "2025-06-02"}, "start", "is missing"),
        ({"start": "2025-06-02"}, "end", "is missing"),
        ({"start": "yesterday"}, "start", "is not a time in ISO 8601"),
        ({"start": ""}, "start", "is not a time in ISO 8601"),
        ({"start": "1748736000"}, "start", "is not a time in ISO 8601"),
        ({"start": "2025-02-30"}, "start", "is not a time in ISO 8601"),
        ({"start": "2025-06-01T25:00:00Z"}, "start", "is not a time in ISO 8601"),
        ({"start": "2025-06-01 10:00"}, "start", "is not a time in ISO 8601"),
        ({"start": "0001-01-01T00:00:00+01:00"}, "start", "is not a time in ISO 8601"),
        ({"start": "infinity"}, "start", "is not a time in ISO 8601"),
        ({"start": "\u0662025-06-01"}, "start", "is not a time in ISO 8601"),
        ({"end": "2025-06-01T00:00:00Z"}, "end", "is not after start"),
        ({"end": "2024-01-01"}, "end", "is not after start"),
        ({"fill": "one"}, "fill", "must be zero"),
        ({"limit": "0"}, "limit", "must be a whole number from 1 to 10,000"),
        ({"limit": "10001"}, "limit", "must be a whole number from 1 to 10,000"),
        ({"limit": "1e3"}, "limit", "must be a whole number from 1 to 10,000"),
        ({"event_type": ""}, "event_type", "is empty"),
        ({"event_type": "a\0b"}, "event_type", "has a NUL character"),
        ({"event_type": "é" * 501}, "event_type", "is longer than 1,000 bytes"),
        ({"event_typ": "visit"}, "event_typ", "is not one of start, end, event_type"),
    ],
)
def test_bad_input_is_refused_with_field_and_reason(
    api: Api, parameters: dict[str, str], field: str, reason: str
) -> None:
    given = {} if reason == "is missing" else DAY
    answer = api.get(ACME, **{**given, **parameters})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert list(faults(answer.json())) == [field]
    assert faults(answer.json())[field].startswith(reason)


def test_every_fault_is_named_at_once(api: Api) -> None:
    answer = api.get(f"{ACME}?start=x&start=y&limit=-1&x=1")

    assert set(faults(answer.json())) == {"start", "end", "limit", "x"}


@pytest.mark.parametrize("name", ["%00", "a%00b", "x" * 1001])
def test_customer_that_no_event_can_have_is_refused(api: Api, name: str) -> None:
    answer = api.get(f"/events/customers/{name}/buckets", **DAY)

    assert answer.status_code == 400
    assert list(faults(answer.json())) == ["customer_id"]


def test_answer_says_how_fresh_it_is_and_what_it_lacks(api: Api) -> None:
    path = "/events/customers/rejected/buckets"
    answer = api.get(path, **DAY).json()
    later = api.get(path, start="9000-01-01", end="9000-01-02").json()

    assert counts(answer) == {"2025-06-01T10:00:00Z": 1}
    assert answer["freshness"]["newest_load_at"].endswith("Z")
    assert answer["freshness"]["rejected_events"] == 2
    assert answer["freshness"]["pending_events"] == 0
    assert later["freshness"]["rejected_events"] == 0
    assert 0 < answer["elapsed_ms"] < 20_000
