"""Outside production an event is checked and logged, and leaves no other trace."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from event_warehouse import EventError, Producer, track
from event_warehouse.producer import default_producer, flush

LOGGER = "event_warehouse.producer"


@pytest.fixture(autouse=True)
def _fresh_default() -> Iterator[None]:
    default_producer.cache_clear()
    yield
    default_producer.cache_clear()


def test_event_is_logged_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)

    event_id = track("visit", user_id="ada", page="/")

    [record] = caplog.records
    assert (record.name, record.levelno) == (LOGGER, logging.DEBUG)
    event = json.loads(record.getMessage().removeprefix("event "))
    assert event["event_id"] == event_id
    assert (event["user_id"], event["page"]) == ("ada", "/")


def test_event_is_not_logged_above_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    track("visit")

    assert not caplog.records


@pytest.mark.parametrize("environment", ["staging", "development", "ci", "test"])
def test_outside_production_no_file_is_written_and_no_thread_started(
    environment: str, tmp_path: Path
) -> None:
    with Producer(
        (tmp_path / "out").as_uri(), environment=environment, spool=tmp_path / "spool"
    ) as producer:
        producer.track("visit")
        assert producer.flush()

    assert not list(tmp_path.iterdir())
    assert producer.dropped_count == 0


def test_event_is_checked_as_in_production() -> None:
    with pytest.raises(EventError, match="user_id is of type int"):
        track("visit", user_id=7)  # type: ignore[arg-type]


def test_environment_gives_what_the_event_does_not_say(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("EVENTS_ENVIRONMENT", "staging")
    monkeypatch.setenv("EVENTS_SERVICE", "shop")
    monkeypatch.setenv("EVENTS_TENANT", "acme")
    caplog.set_level(logging.DEBUG, LOGGER)

    track("visit")
    track("visit", service="till", tenant_id="globex", environment="canary")

    events = [json.loads(record.getMessage()[6:]) for record in caplog.records]
    named = [(e["environment"], e["service"], e["tenant_id"]) for e in events]
    assert named == [("staging", "shop", "acme"), ("canary", "till", "globex")]


def test_destination_without_an_environment_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Producer("firehose://events")

    assert "EVENTS_ENVIRONMENT is not" in caplog.text


def test_attribute_may_have_any_name_that_no_event_field_has() -> None:
    assert track("visit", self=1, attributes={}, name="x", fields=None)


def test_flush_has_nothing_to_do() -> None:
    assert flush(timeout=0)
