"""What is said of a range of which some events have expired."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from event_warehouse.access.key_store import create_key
from event_warehouse.access.keys import Scope
from event_warehouse.lifecycle.expire import expire
from event_warehouse.settings import Settings
from tests.api_server import servers
from tests.filled_warehouse import filled_warehouse
from tests.integration.query.conftest import Client, ClientOf
from tests.integration.query.happenings import FEEDS, Event, lines
from tests.waiting import wait_until

HORIZON = "2020-02-01T00:00:00Z"
VIEWS = {"name": "views", "filters": [{"type": "eq", "key": "page", "value": "home"}]}
"""Of an attribute, which only single events have."""
BEFORE, OVER, AFTER = (
    {"start": "2020-01-01", "end": "2020-02-01"},
    {"start": "2020-01-31T23:59:59Z", "end": "2020-03-01"},
    {"start": "2020-02-01", "end": "2020-03-01"},
)


def visits(tenant: str, *days: str) -> list[Event]:
    """Of two types a day, ten minutes apart."""
    return [
        {
            "tenant": tenant,
            "event_id": f"{day} {kind}",
            "at": f"{day}T10:{minute}:00Z",
            "event_type": kind,
            "user_id": "ada",
            "page": "home",
        }
        for day in days
        for kind, minute in (("view", "00"), ("buy", "10"))
    ]


@pytest.fixture(scope="module")
def asked(
    cluster: Settings, built_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A warehouse whose January has expired; in the one of the others nothing may."""
    events = visits("kept", "2020-01-31", "2020-02-01") + visits("new", "2020-02-02")
    with filled_warehouse(
        cluster,
        built_home,
        tmp_path_factory.mktemp("expired"),
        database="expired",
        file="happenings/events.json",
        text=lines(events),
        feeds=FEEDS,
    ) as settings:
        assert expire(settings, events_before=date(2020, 2, 1))
        yield settings


@pytest.fixture(scope="module")
def client_of(asked: Settings) -> Iterator[ClientOf]:
    """The client of a tenant."""
    environment = {"WAREHOUSE_DSN": asked.dsn, "WAREHOUSE_API_DSN": asked.api_dsn}
    starts = servers(asked.home, environment)
    server = next(starts)()
    operator = create_key(asked, tenant=None, scopes=list(Scope))
    yield lambda tenant: Client(server, tenant, operator)
    starts.close()


@pytest.fixture(scope="module")
def expired(client_of: ClientOf) -> Client:
    """The client of a tenant that has lost events."""
    return client_of("kept")


def keys_of(client: Client) -> dict[str, Any]:
    freshness: dict[str, Any] = client.get("/keys").json()["freshness"]
    return freshness


@pytest.mark.parametrize(
    ("times", "event_count", "is_complete"),
    [(BEFORE, 0, False), (OVER, 2, False), (AFTER, 2, True)],
)
def test_count_of_events_of_which_some_have_expired_is_not_complete(
    expired: Client, times: dict[str, str], event_count: int, is_complete: bool
) -> None:
    answer = expired.post("/query", json={**times, "data": [VIEWS]}).json()

    (series,) = answer["series"]
    assert answer["rows"][0]["event_count"] == event_count
    assert series["answered_from"] == "analytics.events"
    assert (series["is_complete"], answer["is_complete"]) == (is_complete, is_complete)
    assert answer["freshness"]["expired_before"] == HORIZON


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_table_says_in_its_header_what_is_not_complete(
    expired: Client, format: str
) -> None:
    answer = expired.post(
        f"/query?format={format}", json={**BEFORE, "data": [{"name": "ä"}, VIEWS]}
    )

    about = msgspec.json.decode(answer.headers["answer-about"])
    assert about["is_complete"] is False
    assert about["freshness"]["expired_before"] == HORIZON
    assert [(one["answered_from"], one["is_complete"]) for one in about["series"]] == [
        ("marts.tenant_events_daily", True),
        ("analytics.events", False),
    ]


def test_what_was_counted_of_expired_events_is_still_answered_exactly(
    expired: Client,
) -> None:
    by_type = {"keys": ["event_type"]}
    question = {**BEFORE, "breakdown": by_type, "data": [{"name": "all"}]}

    answer = expired.post("/query", json=question).json()
    buckets = expired.get("/events/customers/kept/buckets", params=BEFORE).json()

    assert [(one["event_type"], one["event_count"]) for one in answer["rows"]] == [
        ("buy", 1),
        ("view", 1),
    ]
    assert answer["is_complete"] is True
    assert [one["count"] for one in buckets["buckets"]] == [2]
    assert buckets["is_complete"] is True
    assert buckets["freshness"]["expired_before"] == HORIZON


def test_funnel_is_complete_from_sequences_and_not_from_events(expired: Client) -> None:
    steps = [
        {
            "name": kind,
            "filters": [{"type": "eq", "key": "event_type", "value": kind}],
        }
        for kind in ("view", "buy")
    ]
    order = {"type": "exact_order", "order": ["view", "buy"]}
    question = {
        **BEFORE,
        "data": steps,
        "funnel": [
            {**order, "match": ["user_id"]},
            {**order, "match": ["user_id", "page"]},
        ],
    }

    answer = expired.post("/query", json=question).json()

    by_user, by_page = answer["funnels"]
    assert [step["user_count"] for step in by_user["steps"]] == [1, 1]
    assert by_user["is_complete"] is True
    assert [step["user_count"] for step in by_page["steps"]] == [0, 0]
    assert by_page["is_complete"] is False
    assert answer["is_complete"] is False


@pytest.mark.parametrize(
    ("times", "event_count", "is_complete"),
    [(BEFORE, 0, False), (OVER, 2, False), (AFTER, 2, True)],
)
def test_list_of_events_says_whether_some_have_expired(
    expired: Client, times: dict[str, str], event_count: int, is_complete: bool
) -> None:
    answer = expired.get("/events", params=times).json()

    assert len(answer["events"]) == event_count
    assert answer["is_complete"] is is_complete
    assert answer["freshness"]["expired_before"] == HORIZON


def test_tenant_that_had_no_event_then_has_lost_none(
    expired: Client, client_of: ClientOf
) -> None:
    answer = client_of("new").post("/query", json={**BEFORE, "data": [VIEWS]}).json()

    assert answer["is_complete"] is True
    assert answer["freshness"]["expired_before"] is None
    assert keys_of(client_of("new"))["expired_before"] is None


@pytest.fixture
def made_late(asked: Settings) -> Iterator[None]:
    """Two tables of hours are as if they had been made after the expiry."""
    set_lacking = """
        update ledger.models set lacks_removal_id = %s
        where model in ('tenant_events_hourly', 'event_types_hourly')
    """
    with psycopg.connect(asked.dsn, autocommit=True) as connection:
        last = "select max(removal_id) from ledger.removed_rows"
        connection.execute(set_lacking, connection.execute(last).fetchone())
        yield
        connection.execute(set_lacking, [0])


def test_table_that_was_made_after_the_expiry_is_not_asked_if_another_was_there(
    expired: Client, made_late: None
) -> None:
    question = {**BEFORE, "bucket": "hour", "data": [{"name": "all"}]}

    answer = expired.post("/query", json=question).json()

    assert answer["series"][0]["answered_from"] == "analytics.rollup_events_1hr"
    assert answer["is_complete"] is True
    assert answer["rows"][0]["event_count"] == 2


def test_buckets_of_a_table_that_was_made_after_the_expiry_are_not_complete(
    expired: Client, made_late: None
) -> None:
    def is_complete(tenant: str, times: dict[str, str]) -> bool:
        path = f"/events/customers/{tenant}/buckets"
        return bool(expired.get(path, params=times).json()["is_complete"])

    # So often the service asks.
    wait_until(lambda: not is_complete("kept", BEFORE))
    assert not is_complete("kept", OVER)
    assert is_complete("kept", AFTER)
    assert is_complete("new", BEFORE)
