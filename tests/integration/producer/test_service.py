"""Events reach an event service over HTTP, whatever it does meanwhile."""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from event_warehouse import Producer

if TYPE_CHECKING:
    from tests.integration.producer.conftest import Answer, LoopbackServer

MakeProducer = Callable[..., Producer]
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def ids(service: "LoopbackServer") -> list[str]:
    return [event["event_id"] for event in service.events]


def test_events_arrive_as_the_service_takes_them(
    service: "LoopbackServer", make_producer: MakeProducer
) -> None:
    service.start()
    producer = make_producer(api_key="s3cret", tenant_id="acme", service="shop")
    producer.track("visit", event_id="e1", event_time=NOON, user_id="ada", page="/")
    producer.track("buy", event_id="e2", event_time=NOON, sample_rate=10)

    assert producer.flush()

    [request] = service.requests
    common = {"environment": "production", "service": "shop"}
    ts = "2026-01-02T12:00:00.000000Z"
    visit = {"event_tag": "visit", "user_id": "ada", "page": "/", **common}
    assert request.document == {
        "events": [
            {"event_id": "e1", "ts": ts, "samplerate": 1, "data": visit},
            {
                "event_id": "e2",
                "ts": ts,
                "samplerate": 10,
                "data": {"event_tag": "buy", **common},
            },
        ]
    }
    assert request.path == "/events"
    assert request.headers["Authorization"] == "Bearer s3cret"
    assert request.headers["Content-Type"] == "application/json"


def test_producer_with_a_tenant_says_that_the_service_decides_it(
    service: "LoopbackServer",
    make_producer: MakeProducer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_producer()
    make_producer((tmp_path / "out").as_uri(), tenant_id="acme")
    assert not caplog.records

    make_producer(tenant_id="acme")

    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(
        "EVENTS_TENANT is 'acme', but the service at 127.0.0.1 decides the tenant"
    )


def test_tenant_is_named_only_if_it_is_not_the_producer_s_own(
    service: "LoopbackServer", make_producer: MakeProducer
) -> None:
    service.start()
    producer = make_producer(tenant_id="acme")
    for tenant_id in ("acme", "globex", None):
        producer.track("visit", tenant_id=tenant_id)

    assert producer.flush()

    tenants = [event["data"].get("tenant_id") for event in service.events]
    assert tenants == [None, "globex", None]


def test_events_are_sent_a_second_later_without_being_asked_to(
    service: "LoopbackServer", make_producer: MakeProducer
) -> None:
    service.start()
    make_producer().track("visit")

    deadline = time.monotonic() + 10
    while not service.events and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(service.events) == 1


def test_events_of_an_outage_arrive_once_and_in_order_when_it_is_over(
    service: "LoopbackServer", make_producer: MakeProducer, tmp_path: Path
) -> None:
    producer = make_producer()
    tracked = [producer.track("visit", n=n) for n in range(1200)]
    assert not producer.flush(timeout=0.2)

    service.start()

    assert producer.flush()
    assert ids(service) == tracked
    assert not list((tmp_path / "spool").iterdir())
    assert producer.dropped_count == 0


@pytest.mark.parametrize(
    "failure",
    [*({"status": status} for status in (408, 409, 429, 500, 503)), {"is_cut": True}],
)
def test_batch_that_failed_is_sent_again_with_the_same_key(
    service: "LoopbackServer",
    make_producer: MakeProducer,
    answer: "type[Answer]",
    failure: dict[str, Any],
) -> None:
    service.answers += [answer(**failure), answer(**failure)]
    service.start()
    producer = make_producer()
    tracked = [producer.track("visit", n=n) for n in range(3)]

    assert producer.flush()

    assert ids(service) == tracked
    keys = {request.key for request in service.requests}
    assert len(service.requests) == 3
    assert len(keys) == 1


def test_other_batch_has_another_key(
    service: "LoopbackServer", make_producer: MakeProducer
) -> None:
    service.start()
    producer = make_producer()
    for _ in range(2):
        producer.track("visit")
        assert producer.flush()

    first, second = service.requests
    assert first.key != second.key


def test_service_is_left_alone_for_as_long_as_it_asks(
    service: "LoopbackServer", make_producer: MakeProducer, answer: "type[Answer]"
) -> None:
    service.answers.append(answer(503))
    service.answers.append(answer(429, headers={"Retry-After": "1"}))
    service.start()
    producer = make_producer()
    producer.track("visit")
    start = time.monotonic()

    assert producer.flush()

    assert time.monotonic() - start > 0.9


@pytest.mark.parametrize("status", [401, 403, 404, 301])
def test_what_a_person_has_to_mend_is_an_error_and_tried_slowly(
    service: "LoopbackServer",
    make_producer: MakeProducer,
    answer: "type[Answer]",
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service.respond = lambda _: answer(status, headers={"Location": "/elsewhere"})
    service.start()
    producer = make_producer(api_key="s3cret")
    event_id = producer.track("visit", secret="canary")

    assert not producer.flush(timeout=0.3)
    while f"answers {status}" not in caplog.text:
        time.sleep(0.01)
    tries = len(service.requests)
    service.respond = lambda _: answer()
    assert producer.flush()

    assert tries <= 2
    assert ids(service) == [event_id]
    [error] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert f"answers {status}" in error.getMessage()
    assert "s3cret" not in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("status", [400, 413, 422, 200])
@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"index": 1, "reason": "too old"}]},
        {"detail": [{"loc": ["body", "events", 1, "ts"], "msg": "too old"}]},
    ],
)
def test_event_that_the_service_names_is_refused_and_the_others_arrive(
    service: "LoopbackServer",
    make_producer: MakeProducer,
    answer: "type[Answer]",
    tmp_path: Path,
    status: int,
    body: Any,
) -> None:
    service.answers.append(answer(status, body))
    service.start()
    producer = make_producer()
    tracked = [producer.track("visit", n=n) for n in range(3)]

    assert producer.flush()

    kept = {event["event_id"] for event in service.events}
    assert kept >= {tracked[0], tracked[2]}
    [file] = (tmp_path / "spool" / "refused").iterdir()
    refusal = json.loads(file.read_text())
    assert refusal["reason"] == "too old"
    assert refusal["event"]["event_id"] == tracked[1]
    assert not list((tmp_path / "spool").glob("*.jsonl"))


def test_event_that_a_service_refuses_without_a_word_is_found_out(
    service: "LoopbackServer",
    make_producer: MakeProducer,
    answer: "type[Answer]",
    tmp_path: Path,
) -> None:
    service.respond = lambda document: answer(
        400 if any(e["data"]["n"] == 37 for e in document["events"]) else 200
    )
    service.start()
    producer = make_producer()
    tracked = [producer.track("visit", n=n) for n in range(100)]

    assert producer.flush()

    assert ids(service) == tracked[:37] + tracked[38:]
    [file] = (tmp_path / "spool" / "refused").iterdir()
    assert json.loads(file.read_text())["event"]["n"] == 37


def test_batch_too_large_for_the_service_is_halved(
    service: "LoopbackServer", make_producer: MakeProducer, answer: "type[Answer]"
) -> None:
    service.respond = lambda document: answer(
        413 if len(document["events"]) > 30 else 200
    )
    service.start()
    producer = make_producer()
    tracked = [producer.track("visit", n=n) for n in range(100)]

    assert producer.flush()

    assert ids(service) == tracked


def test_line_that_a_crash_of_the_machine_damaged_is_set_aside(
    service: "LoopbackServer", make_producer: MakeProducer, tmp_path: Path
) -> None:
    (tmp_path / "spool").mkdir(mode=0o700)
    whole = '{"event_id": "e1", "event_type": "visit"}\n'
    (tmp_path / "spool" / "1-1-1.jsonl").write_text(f"\0\0\0\n7\n{whole}")
    service.start()

    assert make_producer().flush()

    assert ids(service) == ["e1"]
    [file] = (tmp_path / "spool" / "refused").iterdir()
    assert len(file.read_text().splitlines()) == 2


def test_service_that_hangs_delays_neither_the_caller_nor_the_exit(
    service: "LoopbackServer", make_producer: MakeProducer, answer: "type[Answer]"
) -> None:
    service.answers += [answer(hangs=True)] * 100
    service.start()
    producer = make_producer()
    producer.track("visit")
    producer.flush(timeout=0.1)
    times = []
    for n in range(2000):
        start = time.perf_counter()
        producer.track("visit", n=n)
        times.append(time.perf_counter() - start)

    start = time.monotonic()
    producer.close(timeout=0.2)

    assert sorted(times)[1000] < 0.001
    assert time.monotonic() - start < 2


def test_events_of_many_threads_arrive_once_and_each_thread_s_in_order(
    service: "LoopbackServer", make_producer: MakeProducer
) -> None:
    service.start()
    producer = make_producer()

    def track(thread: int) -> None:
        for n in range(500):
            producer.track("visit", thread=thread, n=n)

    threads = [Thread(target=track, args=(thread,)) for thread in range(8)]
    for running in threads:
        running.start()
    for running in threads:
        running.join()

    assert producer.flush()

    assert len(set(ids(service))) == len(service.events) == 4000
    arrived = [event["data"] for event in service.events]
    for thread in range(8):
        numbers = [data["n"] for data in arrived if data["thread"] == thread]
        assert numbers == list(range(500))


def test_when_memory_and_spool_are_full_events_are_dropped_loudly(
    service: "LoopbackServer",
    make_producer: MakeProducer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    producer = make_producer(spool_bytes=1_000_000)
    text = "canary" * 100_000
    kept = []
    start = time.monotonic()
    # The first one dropped does not say that all is full: the spool may take more.
    while producer.dropped_count < 10 and time.monotonic() - start < 10:
        dropped_before = producer.dropped_count
        event_id = producer.track("visit", text=text)
        if producer.dropped_count == dropped_before:
            kept.append(event_id)

    assert producer.dropped_count == 10
    messages = [record.getMessage() for record in caplog.records]
    assert len([m for m in messages if "events were dropped" in m]) == 1
    assert "canary" not in caplog.text

    service.start()
    deadline = time.monotonic() + 10
    while len(service.events) < len(kept) and time.monotonic() < deadline:
        producer.flush(timeout=0.1)
    assert ids(service) == kept


def test_spool_that_can_not_be_written_is_said_and_events_arrive_from_memory(
    service: "LoopbackServer",
    make_producer: MakeProducer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").touch()
    service.start()
    producer = make_producer(spool=tmp_path / "file" / "spool")
    tracked = [producer.track("visit", n=n) for n in range(10)]

    assert producer.flush()

    assert ids(service) == tracked
    assert "can't be stored in the spool" in caplog.text


def test_without_spool_and_service_the_loss_at_the_exit_is_told(
    make_producer: MakeProducer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    producer = make_producer(spool=tmp_path / "file" / "spool")
    for _ in range(3):
        producer.track("visit")

    producer.close(timeout=0.1)

    assert producer.dropped_count == 3
    assert "events were dropped, 3 so far" in caplog.text


def test_event_tracked_after_the_close_waits_for_the_next_process(
    service: "LoopbackServer", make_producer: MakeProducer
) -> None:
    service.start()
    producer = make_producer()
    first = producer.track("visit")
    producer.close()
    second = producer.track("visit")

    assert make_producer().flush()

    assert ids(service) == [first, second]


def test_key_of_a_batch_depends_on_nothing_but_the_batch(
    service: "LoopbackServer", make_producer: MakeProducer
) -> None:
    service.start()
    producer = make_producer()
    producer.track("visit")
    producer.flush()

    [request] = service.requests
    body = json.dumps(request.document, ensure_ascii=False).encode()
    assert request.key == hashlib.sha256(body).hexdigest()[:32]
