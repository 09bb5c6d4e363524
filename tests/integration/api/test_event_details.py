"""GET /events: the events behind a number."""

import json
from typing import Any

import psycopg
import pytest

from tests.integration.api.conftest import Api

JUNE = {"start": "2025-06-01", "end": "2025-07-01"}


def events_of(api: Api, key: str, **parameters: str) -> list[dict[str, Any]]:
    answer = api.get("/events", key, **{**JUNE, **parameters})
    assert answer.status_code == 200, answer.text
    events: list[dict[str, Any]] = answer.json()["events"]
    return events


@pytest.fixture(scope="session")
def acme(api: Api) -> str:
    return api.key("acme")


def test_events_come_newest_first_and_end_before_the_end(api: Api, acme: str) -> None:
    events = events_of(api, acme, start="2025-06-01T10:30:00Z", end="2025-06-01T15:00Z")

    assert [one["event_id"] for one in events] == ["a5", "a4", "a2", "a3"]


def test_filters_are_those_of_a_question(api: Api, acme: str) -> None:
    by_id = [{"type": "in", "key": "event_id", "values": ["a1", "a3", "g1"]}]
    events = events_of(api, acme, event_type="visit", filters=json.dumps(by_id))

    assert [one["event_id"] for one in events] == ["a1"]


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_pages_hold_each_event_once_in_order(api: Api, acme: str, limit: int) -> None:
    whole = [one["event_id"] for one in events_of(api, acme)]
    paged: list[str] = []
    after: dict[str, str] = {}
    for _ in whole:
        page = api.get("/events", acme, **JUNE, limit=str(limit), **after).json()
        paged += [one["event_id"] for one in page["events"]]
        if page["next"] is None:
            break
        assert len(page["events"]) == limit
        after = {"after": page["next"]}

    assert len(whole) == 6
    assert paged == whole


def test_operator_sees_the_file_and_the_line(api: Api) -> None:
    answer = api.server.client.get(
        f"{api.server.url}/events",
        params={**JUNE, "limit": "1"},
        headers={"authorization": f"Bearer {api.operator}", "event-tenant": "acme"},
    )
    (event,) = answer.json()["events"]

    assert event["event_id"] == "a6"
    assert event["feed"] == "customer_events"
    assert event["uri"].endswith("/customer_events/events.csv")
    lines = (api.settings.landing / "customer_events/events.csv").read_text()
    assert lines.split("\n")[event["line_number"] - 1].startswith("acme,visit,a6,")


def test_tenant_sees_its_own_events_and_no_files(api: Api, acme: str) -> None:
    events = events_of(api, acme, filters='[{"type": "exists", "key": "event_id"}]')

    assert {one["event_id"][0] for one in events} == {"a"}
    assert not any("uri" in one or "tenant_id" in one for one in events)


def test_sql_of_events_gives_the_same_events(api: Api) -> None:
    by_id = [{"type": "in", "key": "event_id", "values": ["a1", "a3", "it's"]}]
    parameters = {**JUNE, "filters": json.dumps(by_id), "show_sql": "true"}
    answer = api.get("/events", api.key("acme"), **parameters).json()

    with psycopg.connect(api.settings.dsn) as connection:
        rows = connection.execute(answer["sql"], answer["parameters"]).fetchall()
    assert [row[1] for row in rows] == [one["event_id"] for one in answer["events"]]
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"show_sql": "yes"}, "show_sql"),
        ({"start": "2025-07-02"}, "end"),
        ({"start": "yesterday"}, "start"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"after": "x"}, "after"),
        ({"after": "é"}, "after"),
        ({"filters": "{}"}, "filters"),
        ({"filters": "[[["}, "filters"),
        ({"filters": '[{"type": "eq"}]'}, "filters/0/key"),
        (
            {
                "filters": '[{"type": "regex", "key": "country", "value": "("}]',
                "event_type": "visit",
            },
            "filters/0/value",
        ),
        ({"filters": '[{"filters":' * 20 + "[]" + "}]" * 20}, "filters"),
        ({"event_type": "\0"}, "event_type"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(
    api: Api, acme: str, parameters: dict[str, str], field: str
) -> None:
    answer = api.get("/events", acme, **{**JUNE, **parameters})

    assert answer.status_code == 400
    assert field in [fault["field"] for fault in answer.json()["errors"]]


def test_plus_of_an_offset_that_is_not_escaped_is_understood(
    api: Api, acme: str
) -> None:
    answer = api.get(
        "/events?start=2025-06-01T12:00:00+02:00&end=2025-06-01T12:30:00+02:00", acme
    )

    assert [one["event_id"] for one in answer.json()["events"]] == ["a1"]


@pytest.mark.parametrize(
    "text",
    [
        "'",
        "'; drop table analytics.events; --",
        "%(tenant_id)s",
        "%s",
        "\\",
        "{0}",
        "é",
    ],
)
@pytest.mark.parametrize("place", ["key", "value", "event_type", "after"])
def test_what_looks_like_sql_is_a_value_like_any_other(
    api: Api, acme: str, text: str, place: str
) -> None:
    one = {"type": "eq", "key": "country", "value": "x"}
    parameters = (
        {place: text}
        if place in {"event_type", "after"}
        else {"filters": json.dumps([{**one, place: text}])}
    )
    answer = api.get("/events", acme, **JUNE, **parameters)

    assert answer.status_code in {200, 400}
    assert answer.json().get("events", []) == []
    assert len(events_of(api, acme)) == 6
