"""What becomes of a batch that the destination takes, refuses or can't take now."""

import json
import logging
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from event_warehouse.producer.destinations import (
    Limits,
    Receipt,
    RefusedTogether,
    Unavailable,
)
from event_warehouse.producer.notices import Notices
from event_warehouse.producer.outbox import Outbox
from event_warehouse.producer.refusals import Refusals
from event_warehouse.producer.sender import Sender
from event_warehouse.producer.settings import Pace
from event_warehouse.producer.spool import Spool

LIMITS = Limits(events=4, byte_count=100, seconds=0.0)
Answer = Callable[[Sequence[bytes]], Receipt]


class Scripted:
    """A destination that answers as told; its last answer stops the sender."""

    def __init__(self, *answers: Receipt | Exception) -> None:
        self._answers = deque(answers)
        self.asked: list[list[str]] = []
        self.sender: Sender | None = None

    def send(self, events: Sequence[bytes]) -> Receipt:
        self.asked.append([event.decode().strip() for event in events])
        answer = self._answers.popleft() if self._answers else Receipt()
        if not self._answers and self.sender:
            self.sender.stopping.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.is_closed = True


def run(
    folder: Path, destination: Scripted, *events: str, pace: Pace | None = None
) -> Sender:
    """Send these events until the destination's script is over."""
    notices = Notices()
    outbox = Outbox(Spool(folder, 10_000, LIMITS, scan_seconds=0.0), notices)
    for event in events:
        outbox.put(f"{event}\n".encode())
    outbox.complete()
    sender = Sender(
        outbox,
        lambda: destination,
        limits=LIMITS,
        refusals=Refusals(folder, 10_000),
        pace=pace or Pace(first_retry=0.001, last_retry=0.002, slow_retry=0.003),
        notices=notices,
    )
    destination.sender = sender
    sender.run()
    return sender


def refused(folder: Path) -> list[tuple[object, str]]:
    [file] = (folder / "refused").iterdir()
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    return [(entry["event"], entry["reason"]) for entry in kept]


def test_batch_is_sent_again_until_it_is_taken(tmp_path: Path) -> None:
    destination = Scripted(Unavailable("down"), Unavailable("down"), Receipt())

    run(tmp_path, destination, "1", "2")

    assert destination.asked == [["1", "2"]] * 3
    assert not list(tmp_path.iterdir())


def test_only_those_that_failed_alone_are_sent_again(tmp_path: Path) -> None:
    destination = Scripted(Receipt(again=[0, 2], problem="Throttled"), Receipt())

    run(tmp_path, destination, "1", "2", "3")

    assert destination.asked == [["1", "2", "3"], ["1", "3"]]


def test_those_that_are_refused_are_kept_with_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    destination = Scripted(Receipt(refused={1: "too old"}, again=[0, 2]), Receipt())

    run(tmp_path, destination, '{"n": 1}', '{"n": 2}', '{"n": 3}')

    assert refused(tmp_path) == [({"n": 2}, "too old")]
    assert destination.asked[1] == ['{"n": 1}', '{"n": 3}']
    assert "events were refused for good, 1 now" in caplog.text
    assert "too old" not in caplog.text


def test_batch_refused_without_a_word_is_halved_down_to_the_culprit(
    tmp_path: Path,
) -> None:
    no = RefusedTogether("answers 400")
    destination = Scripted(no, Receipt(), no, no, Receipt())

    run(tmp_path, destination, "1", "2", "3", "4")

    assert list(map("".join, destination.asked)) == ["1234", "12", "34", "3", "4"]
    assert refused(tmp_path) == [(3, "answers 400")]


def test_rest_stays_for_the_next_process_when_told_to_stop(tmp_path: Path) -> None:
    run(tmp_path, Scripted(Receipt(again=[1], problem="Throttled")), "1", "2")

    [segment] = tmp_path.iterdir()
    assert segment.read_text() == "2\n"


def test_fault_of_a_library_ends_nothing_and_its_text_is_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    destination = Scripted(ZeroDivisionError("canary"), Receipt())

    run(tmp_path, destination, "1")

    assert len(destination.asked) == 2
    assert destination.is_closed
    assert "ZeroDivisionError" in caplog.text
    assert "canary" not in caplog.text


def test_trouble_is_said_once_and_so_is_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    run(tmp_path, Scripted(*[Unavailable("down")] * 5, Receipt()), "1")

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_what_a_person_has_to_mend_is_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="event_warehouse.producer")
    run(tmp_path, Scripted(Unavailable("key", needs_person=True), Receipt()), "1")

    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_refused_event_that_can_not_be_kept_is_counted_as_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "refused").touch()

    sender = run(tmp_path, Scripted(Receipt(refused={0: "no"})), "1")

    assert sender._outbox.dropped_count == 1
    assert "can't be kept" in caplog.text


def test_segment_written_for_another_destination_is_sent_in_batches(
    tmp_path: Path,
) -> None:
    (tmp_path / "1-1-1.jsonl").write_text("".join(f"{n}\n" for n in range(10)))
    destination = Scripted(Receipt(), Receipt(), Receipt())

    run(tmp_path, destination)

    assert list(map(len, destination.asked)) == [4, 4, 2]


def test_waits_grow_to_a_limit_and_are_spread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = run(tmp_path, Scripted(Receipt()), "1", pace=Pace())
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    waits = []
    for sender._failures in range(10):
        waits.append(sender._backoff(Unavailable("down")))

    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert sender._backoff(Unavailable("key", needs_person=True)) == 300
    assert sender._backoff(Unavailable("busy", wait=100)) == 100
    monkeypatch.undo()
    spread = {sender._backoff(Unavailable("down")) for _ in range(20)}
    assert len(spread) > 1
    assert all(30 <= seconds <= 60 for seconds in spread)
