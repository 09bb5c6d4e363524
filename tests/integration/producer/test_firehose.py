"""Events reach a delivery stream through the real client and its protocol."""

import json
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from event_warehouse import Producer

if TYPE_CHECKING:
    from tests.integration.producer.conftest import Answer, LoopbackStream

MakeProducer = Callable[..., Producer]


def aws_error(answer: "type[Answer]", status: int, code: str) -> "Answer":
    return answer(status, {"__type": code, "message": "canary"})


def track(producer: Producer, count: int, **attributes: Any) -> list[str]:
    return [producer.track("visit", n=n, **attributes) for n in range(count)]


def is_soon(condition: Callable[[], bool]) -> bool:
    """True once the condition holds; False if it still does not after some seconds."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def ids(stream: "LoopbackStream") -> list[str]:
    return [json.loads(record)["event_id"] for record in stream.records]


def test_event_is_a_record_that_ends_its_line(
    stream: "LoopbackStream", make_producer: MakeProducer
) -> None:
    producer = make_producer(stream.destination)
    [event_id] = track(producer, 1, text="line\nend")

    assert producer.flush()

    [record] = stream.records
    assert record.endswith(b"\n")
    assert record.count(b"\n") == 1
    assert json.loads(record)["event_id"] == event_id
    target = stream.requests[0].headers["X-Amz-Target"]
    assert target == "Firehose_20150804.PutRecordBatch"


def test_calls_stay_within_what_a_stream_takes(
    stream: "LoopbackStream", make_producer: MakeProducer
) -> None:
    producer = make_producer(stream.destination)
    tracked = track(producer, 1200) + track(producer, 8, text="x" * 900_000)

    assert producer.flush()

    assert ids(stream) == tracked
    counts = [len(request.document["Records"]) for request in stream.requests]
    assert counts[:2] == [500, 500]
    assert len(counts) >= 5


def test_only_the_records_that_failed_are_sent_again(
    stream: "LoopbackStream", make_producer: MakeProducer
) -> None:
    stream.failing += [{1, 3}, {0}]
    producer = make_producer(stream.destination)
    tracked = track(producer, 5)

    assert producer.flush()

    counts = [len(request.document["Records"]) for request in stream.requests]
    assert counts == [5, 2, 1]
    assert sorted(ids(stream)) == sorted(tracked)


@pytest.mark.parametrize(
    ("status", "code"),
    [(500, "ServiceUnavailableException"), (400, "ThrottlingException"), (502, "")],
)
def test_call_that_failed_is_made_again_soon(
    stream: "LoopbackStream",
    make_producer: MakeProducer,
    answer: "type[Answer]",
    status: int,
    code: str,
) -> None:
    stream.answers += [aws_error(answer, status, code)] * 2
    producer = make_producer(stream.destination)
    tracked = track(producer, 3)

    assert producer.flush()

    assert ids(stream) == tracked


def test_answer_that_is_lost_means_to_send_again(
    stream: "LoopbackStream", make_producer: MakeProducer, answer: "type[Answer]"
) -> None:
    stream.answers.append(answer(is_cut=True))
    producer = make_producer(stream.destination)
    tracked = track(producer, 3)

    assert producer.flush()

    assert ids(stream) == tracked
    assert len(stream.requests) == 2


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "InvalidSignature"]
)
def test_what_a_person_has_to_mend_is_an_error_and_loses_nothing(
    stream: "LoopbackStream",
    make_producer: MakeProducer,
    answer: "type[Answer]",
    code: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream.answers.append(aws_error(answer, 400, code))
    producer = make_producer(stream.destination)
    tracked = track(producer, 3)

    producer.flush(timeout=0)
    assert is_soon(lambda: code in caplog.text)
    assert producer.flush()

    assert ids(stream) == tracked
    [error] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert code in error.getMessage()
    assert "canary" not in caplog.text


def test_missing_credentials_are_an_error_and_lose_nothing(
    stream: "LoopbackStream",
    make_producer: MakeProducer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    producer = make_producer(stream.destination)
    track(producer, 1)
    producer.flush(timeout=0)

    assert is_soon(lambda: "NoCredentialsError" in caplog.text)
    assert producer.dropped_count == 0


def test_missing_region_is_an_error_and_loses_nothing(
    stream: "LoopbackStream",
    make_producer: MakeProducer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    producer = make_producer("firehose://events")
    track(producer, 1)
    producer.flush(timeout=0)

    assert is_soon(lambda: "NoRegionError" in caplog.text)
    assert producer.dropped_count == 0


def test_caller_does_not_wait_for_the_client_to_be_imported(
    stream: "LoopbackStream", make_producer: MakeProducer
) -> None:
    producer = make_producer(stream.destination)
    start = time.perf_counter()
    track(producer, 100)

    assert time.perf_counter() - start < 0.1
    assert producer.flush()
