"""Nothing that is sent becomes SQL: no failure, no effect, nobody else's events."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from event_warehouse.settings import Settings
from tests.integration.query.conftest import ClientOf
from tests.integration.query.happenings import Event

CORPUS = [
    "'",
    '"',
    "''",
    "\\",
    "\\'",
    "';drop table analytics.events;--",
    '";drop table analytics.events;--',
    "') or ('1'='1",
    "' or 1=1 --",
    "' union select tenant_id from analytics.events --",
    "1; select pg_sleep(60)",
    "$$;select pg_sleep(60);$$",
    "$1",
    "%(value_1)s",
    "%s",
    "%",
    "{}",
    "{0}",
    "{value_1}",
    "/* */",
    "--",
    "a'||pg_sleep(60)||'",
    "E'\\x27'",
    "U&'\\0027'",
    "\N{RIGHT SINGLE QUOTATION MARK}",
    "\N{FULLWIDTH APOSTROPHE}",
    "\udcff",
    "a\nb\rc\t",
    "\x00",
    "null",
    "event_type; --",
    "attributes",
    "attributes.",
    "tenant_id",
    "ctid",
    "a" * 199,
]
Place = Callable[[str], dict[str, Any]]


def of_series(**members: Any) -> dict[str, Any]:
    return {"data": [{"name": "a", **members}]}


def of_filter(**members: Any) -> dict[str, Any]:
    return of_series(filters=[members])


def of_funnel(members: dict[str, Any]) -> dict[str, Any]:
    return {"funnel": {"type": "exact_order", "order": ["a", "a"], **members}}


PLACES: dict[str, Place] = {
    "start": lambda text: {"start": text},
    "time_zone": lambda text: {"time_zone": text, "bucket": "day"},
    "bucket": lambda text: {"bucket": text},
    "breakdown": lambda text: {"breakdown": {"keys": [text]}},
    "breakdown of a path": lambda text: {"breakdown": {"keys": [["a", text]]}},
    "name": lambda text: {"data": [{"name": text}]},
    "member": lambda text: {text: 1},
    "type": lambda text: of_filter(type=text, key="a"),
    "key": lambda text: of_filter(type="all", key=text),
    "path": lambda text: of_filter(type="all", key=[text, text]),
    "value": lambda text: of_filter(type="eq", key="user_id", value=text),
    "value of an attribute": lambda text: of_filter(type="ne", key="a", value=text),
    "values": lambda text: of_filter(type="in", key="user_id", values=[text, 1]),
    "order": lambda text: of_filter(type="lt", key="user_id", value=text),
    "prefix": lambda text: of_filter(type="prefix", key="path", value=text),
    "contains": lambda text: of_filter(type="contains", key="path", value=text),
    "regex": lambda text: of_filter(type="regex", key="path", value=text),
    "time": lambda text: of_filter(type="lt", key="ts", value=text),
    "keys": lambda text: of_series(keys=[text]),
    "unique": lambda text: of_series(unique=[text]),
    "funnel": lambda text: of_funnel(
        {"name": text, "match": [text], "breakdown": text}
    ),
    "condition of a funnel": lambda text: {
        **of_funnel({"match": ["user_id", ["a", text]]}),
        **of_filter(type="eq", key=["b", text], value=text),
    },
    "sum": lambda text: of_series(operations=[{"type": "sum", "key": text}]),
}


def state(settings: Settings) -> list[tuple[Any, ...]]:
    with psycopg.connect(settings.dsn) as connection:
        return connection.execute(
            """
            select
                (select count(*) from analytics.events),
                (select count(*) from analytics.fct_keys),
                (select count(*) from pg_class),
                (select count(*) from pg_proc),
                (select count(*) from pg_roles)
            """
        ).fetchall()


@pytest.mark.parametrize("place", PLACES)
def test_no_text_in_a_question_is_read_as_sql(
    asked: Settings, events: list[Event], client_of: ClientOf, place: str
) -> None:
    client = client_of("apex")
    mine = sum(1 for event in events if event["tenant"] == "apex")
    before = state(asked)

    for text in CORPUS:
        question = {
            "start": "2025-03-29",
            "end": "2025-04-01",
            "data": [{"name": "a"}],
            **PLACES[place](text),
        }
        answer = client.post(
            "/query",
            content=ascii_json(question),
            headers={"content-type": "application/json"},
        )
        assert answer.status_code in {200, 400}, (text, answer.text)
        if answer.status_code == 200:
            assert sum(row["event_count"] for row in answer.json()["rows"]) <= mine

    assert state(asked) == before


def ascii_json(question: dict[str, Any]) -> bytes:
    return json.dumps(question).encode()


@pytest.mark.parametrize(
    "path",
    [
        "/keys?prefix={}",
        "/keys?event_type={}",
        "/keys?limit={}",
        "/keys?{}=1",
        "/keys/{}/values",
        "/keys/user_id/values?prefix={}",
        "/keys/user_id/values?event_type={}",
    ],
)
def test_no_text_in_a_listing_is_read_as_sql(
    asked: Settings, events: list[Event], client_of: ClientOf, path: str
) -> None:
    before = state(asked)

    for text in CORPUS:
        written = quote(text, safe="", errors="surrogatepass")
        answer = client_of("apex").get(path.format(written))
        # No path has a line end in it.
        allowed = {200, 400, 404} if "\n" in text else {200, 400}
        assert answer.status_code in allowed, (text, answer.text)

    assert state(asked) == before


def test_neither_questions_nor_listings_tell_of_another_tenant(
    events: list[Event], client_of: ClientOf
) -> None:
    client = client_of("stranger")
    question = {
        "start": "2025-03-01",
        "end": "2025-05-01",
        "data": [
            {"name": "all"},
            {"name": "types", "unique": ["event_type"]},
            {"name": "devices", "unique": ["device_id"]},
            {"name": "users", "unique": ["user_id"]},
            {"name": "paths", "unique": ["path"]},
        ],
    }

    answer = client.post("/query", json=question).json()

    assert all(set(list(row.values())[1:]) <= {0, None} for row in answer["rows"])
    assert client.get("/keys").json()["keys"] == []
    assert client.get("/keys/user_id/values").json()["values"] == []
