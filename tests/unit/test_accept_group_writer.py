"""Requests that wait are written together, and each learns what became of it."""

from collections.abc import Iterator
from threading import Event

import pytest

from event_warehouse.accept.errors import Unavailable
from event_warehouse.accept.group_writer import GroupWriter
from event_warehouse.accept.store import StoreError

SECONDS = 5.0


class Slow:
    """A store that says when it is written to, and waits for leave."""

    def __init__(self) -> None:
        self.groups: list[bytes] = []
        self.entered = Event()
        self.leave = Event()
        self.failure: Exception | None = None
        self.is_closed = False

    def commit(self, lines: bytes) -> None:
        self.entered.set()
        assert self.leave.wait(SECONDS)
        if self.failure:
            raise self.failure
        self.groups.append(lines)

    def publish_due(self) -> float | None:
        return None

    def problem(self) -> str | None:
        return None

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def store() -> Slow:
    return Slow()


@pytest.fixture
def writer(store: Slow) -> Iterator[GroupWriter]:
    writer = GroupWriter(store, max_waiting=200)
    writer.start()
    yield writer
    store.leave.set()
    writer.close()


def test_what_comes_while_a_group_is_written_is_written_at_once(
    store: Slow, writer: GroupWriter
) -> None:
    first = writer.submit(b"first\n")
    assert store.entered.wait(SECONDS)
    others = [writer.submit(b"%d\n" % number) for number in range(200)]
    assert not first.done()
    store.leave.set()
    for other in others:
        other.result(SECONDS)

    assert store.groups == [b"first\n", b"".join(b"%d\n" % n for n in range(200))]


def test_all_of_a_failed_group_fail_and_the_next_one_is_written(
    store: Slow, writer: GroupWriter
) -> None:
    store.failure = StoreError()
    store.leave.set()
    with pytest.raises(StoreError):
        writer.submit(b"lost\n").result(SECONDS)

    store.failure = None
    writer.submit(b"kept\n").result(SECONDS)
    assert store.groups == [b"kept\n"]


def test_failure_that_nobody_thought_of_ends_no_writer(
    store: Slow, writer: GroupWriter
) -> None:
    store.failure = ZeroDivisionError()
    store.leave.set()
    with pytest.raises(ZeroDivisionError):
        writer.submit(b"lost\n").result(SECONDS)

    store.failure = None
    writer.submit(b"kept\n").result(SECONDS)


def test_too_many_that_wait_are_refused_until_there_is_room(
    store: Slow, writer: GroupWriter
) -> None:
    writer.submit(b"first\n")
    assert store.entered.wait(SECONDS)
    waiting = [writer.submit(b"\n") for _ in range(200)]
    with pytest.raises(Unavailable) as refused:
        writer.submit(b"\n")
    assert refused.value.retry_after == 1
    store.leave.set()
    waiting[-1].result(SECONDS)

    writer.submit(b"later\n").result(SECONDS)


def test_client_that_goes_away_takes_nothing_back(
    store: Slow, writer: GroupWriter
) -> None:
    committed = writer.submit(b"kept\n")

    assert not committed.cancel()
    store.leave.set()
    committed.result(SECONDS)
    assert store.groups == [b"kept\n"]


def test_what_waits_at_the_end_is_written_and_published(store: Slow) -> None:
    writer = GroupWriter(store, max_waiting=10)
    committed = writer.submit(b"last\n")
    store.leave.set()
    writer.start()
    writer.close()

    assert committed.done()
    assert (store.groups, store.is_closed) == ([b"last\n"], True)
    with pytest.raises(Unavailable):
        writer.submit(b"too late\n")
