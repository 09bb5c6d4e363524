"""Events are never in no place: in memory, or in the spool, or counted as dropped."""

from pathlib import Path

import pytest

from event_warehouse.producer import memory
from event_warehouse.producer.destinations import Limits
from event_warehouse.producer.notices import Notices
from event_warehouse.producer.outbox import Outbox
from event_warehouse.producer.segments import OpenSegment
from event_warehouse.producer.spool import Spool


def make_outbox(folder: Path, *, seconds: float = 0.0) -> Outbox:
    limits = Limits(events=10, byte_count=100, seconds=seconds)
    return Outbox(Spool(folder, 1_000, limits, scan_seconds=0.0), Notices())


def send_all(outbox: Outbox) -> list[bytes]:
    sent: list[bytes] = []
    while claim := outbox.claim():
        sent += claim.lines
        outbox.settle(claim, [])
    return sent


def test_events_are_sent_from_memory_where_there_can_be_no_spool(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    outbox = make_outbox(tmp_path / "file" / "spool")
    outbox.put(b"1\n")
    outbox.put(b"2\n")

    assert not outbox.record()
    assert outbox.unstored_count() == 2
    assert send_all(outbox) == [b"1\n", b"2\n"]
    assert outbox.unstored_count() == 0


def test_what_was_not_sent_from_memory_goes_back_before_what_came_since(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    outbox = make_outbox(tmp_path / "file" / "spool")
    outbox.put(b"1\n")
    outbox.record()
    claim = outbox.claim()
    assert claim
    outbox.put(b"2\n")

    outbox.settle(claim, [b"1\n"])

    assert send_all(outbox) == [b"1\n", b"2\n"]


def test_memory_waits_for_what_is_older_in_the_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = make_outbox(tmp_path, seconds=60.0)
    outbox.put(b"1\n")
    assert outbox.record()
    monkeypatch.setattr("event_warehouse.producer.spool.measure", lambda _: 10_000)
    monkeypatch.setattr("event_warehouse.producer.spool.MEASURE_SECONDS", 0.0)
    outbox._spool._measure_due = 0.0
    outbox.put(b"2\n")

    assert not outbox.record()
    assert outbox.claim() is None
    outbox.complete()
    assert send_all(outbox) == [b"1\n", b"2\n"]


def test_segment_that_can_not_be_completed_is_completed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = make_outbox(tmp_path)
    outbox.put(b"1\n")

    def fail(path: Path, target: Path) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        assert outbox.complete() == set()
    assert "Read-only file system" in caplog.text

    assert send_all(outbox) == [b"1\n"]


def test_segment_that_was_sent_and_can_not_be_removed_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = make_outbox(tmp_path)
    outbox.put(b"1\n")
    outbox.record()
    claim = outbox.claim()
    assert claim

    def fail(path: Path, missing_ok: bool) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail)
        with pytest.raises(OSError, match="Read-only"):
            outbox.settle(claim, [])

    assert list(tmp_path.iterdir())
    assert outbox.claim() is None


def test_interrupt_while_recording_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = make_outbox(tmp_path)
    outbox.put(b"1\n")

    def interrupt(segment: OpenSegment, lines: list[bytes]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(OpenSegment, "write", interrupt)
        with pytest.raises(KeyboardInterrupt):
            outbox.record()

    outbox.complete()
    assert send_all(outbox) == [b"1\n"]


def test_memory_takes_no_more_than_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(memory, "MEMORY_BYTES", 4)
    outbox = make_outbox(tmp_path)
    for line in (b"1\n", b"2\n", b"3\n", b"4\n"):
        outbox.put(line)

    assert outbox.dropped_count == 2
    assert len(caplog.records) == 1
    outbox.complete()
    assert send_all(outbox) == [b"1\n", b"2\n"]
    outbox.put(b"5\n")
    assert outbox.dropped_count == 2


def test_how_many_were_dropped_is_said_again_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(memory, "MEMORY_BYTES", 0)
    outbox = make_outbox(tmp_path)
    for _ in range(3):
        outbox.put(b"1\n")

    outbox.close()

    counts = [record.args for record in caplog.records]
    assert counts == [(1,), (3,)]
