"""Segments on a disk that fails, is full, or loses its writer."""

import errno
import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from event_warehouse.accept import local_segments
from event_warehouse.accept.local_segments import (
    LocalSegments,
    make_folder,
    recover_segments,
)
from event_warehouse.accept.store import StoreError

NOW = datetime(2025, 6, 1, 12, 30, tzinfo=UTC)


class Clock:
    """A clock that goes when told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "landing" / "api_events"


@pytest.fixture
def segments(folder: Path, clock: Clock) -> Iterator[LocalSegments]:
    segments = LocalSegments(
        folder, max_seconds=5, max_bytes=1000, monotonic=clock, now=lambda: NOW
    )
    yield segments
    segments.close()


def published(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("[!.]*.jsonl"))]


def hidden(folder: Path) -> list[Path]:
    return list(folder.glob(".*"))


def leave(folder: Path, content: bytes, name: str = "a") -> Path:
    """A segment that a process left behind."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".segment-{name}.jsonl.open"
    path.write_bytes(content)
    return path


@contextmanager
def room_in_each_file(byte_count: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (byte_count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_committed_lines_are_in_a_hidden_file_until_they_are_published(
    segments: LocalSegments, folder: Path
) -> None:
    segments.commit(b"1\n")
    segments.commit(b"2\n")

    (path,) = hidden(folder)
    assert path.read_bytes() == b"1\n2\n"
    assert published(folder) == []


def test_segment_is_published_by_age_of_its_first_line(
    segments: LocalSegments, folder: Path, clock: Clock
) -> None:
    assert segments.publish_due() is None
    segments.commit(b"1\n")
    clock.seconds += 4
    segments.commit(b"2\n")
    assert segments.publish_due() == pytest.approx(1)
    clock.seconds += 1
    assert segments.publish_due() is None

    assert published(folder) == [b"1\n2\n"]
    assert hidden(folder) == []


def test_segment_is_published_by_size(segments: LocalSegments, folder: Path) -> None:
    segments.commit(b"x" * 999 + b"\n")
    assert segments.publish_due() is None

    assert len(published(folder)) == 1


def test_published_name_says_when_and_what_comes_later_has_another(
    segments: LocalSegments, folder: Path, clock: Clock
) -> None:
    for line in [b"1\n", b"2\n"]:
        segments.commit(line)
        clock.seconds += 5
        segments.publish_due()

    paths = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.parent for path in paths} == {folder / "2025/06/01/12"}
    assert all(path.name.startswith("20250601T123000Z-") for path in paths)
    assert sorted(published(folder)) == [b"1\n", b"2\n"]


def test_close_publishes_what_is_open(segments: LocalSegments, folder: Path) -> None:
    segments.commit(b"1\n")
    segments.close()

    assert published(folder) == [b"1\n"]


def test_every_commit_is_synced_before_it_returns(
    segments: LocalSegments, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        sync(descriptor)
        sizes.append(os.fstat(descriptor).st_size)

    segments.commit(b"1\n")
    monkeypatch.setattr(os, "fsync", note)
    segments.commit(b"22\n")
    segments.commit(b"333\n")

    assert sizes == [5, 9]


def test_half_written_line_is_taken_back_and_the_rest_stays(
    segments: LocalSegments, folder: Path
) -> None:
    segments.commit(b"1\n")
    with room_in_each_file(10), pytest.raises(StoreError) as refused:
        segments.commit(b"2" * 20 + b"\n")

    assert refused.value.retry_after == 5
    assert [path.read_bytes() for path in hidden(folder)] == [b"1\n"]
    segments.commit(b"3\n")
    segments.close()
    assert sorted(published(folder)) == [b"1\n", b"3\n"]


def test_disk_without_any_room_leaves_no_file(
    segments: LocalSegments, folder: Path
) -> None:
    with room_in_each_file(0):
        for _ in range(3):
            with pytest.raises(StoreError):
                segments.commit(b"1\n")
    segments.commit(b"2\n")
    segments.close()

    assert published(folder) == [b"2\n"]
    assert hidden(folder) == []


def test_lines_whose_sync_failed_are_taken_back(
    segments: LocalSegments, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    segments.commit(b"1\n")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StoreError):
            segments.commit(b"2\n")
        with pytest.raises(StoreError):
            segments.commit(b"3\n")
    segments.commit(b"4\n")
    segments.close()

    assert sorted(published(folder)) == [b"1\n", b"4\n"]


def test_segment_that_can_t_be_published_is_tried_again_and_written_on(
    segments: LocalSegments,
    folder: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    segments.commit(b"1\n")
    clock.seconds += 5
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        assert segments.publish_due() == local_segments.RETRY_SECONDS
        segments.commit(b"2\n")
        assert segments.publish_due() == pytest.approx(local_segments.RETRY_SECONDS)
    clock.seconds += local_segments.RETRY_SECONDS
    assert segments.publish_due() is None

    assert published(folder) == [b"1\n2\n"]


def test_segment_that_can_t_be_published_at_the_end_is_left_for_the_next_start(
    segments: LocalSegments, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    segments.commit(b"1\n")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        segments.close()
    assert recover_segments(folder, now=NOW) == 1

    assert published(folder) == [b"1\n"]


def test_segment_that_somebody_removed_is_not_written_to(
    segments: LocalSegments, folder: Path
) -> None:
    segments.commit(b"1\n")
    hidden(folder)[0].unlink()
    segments.commit(b"2\n")
    segments.close()

    assert published(folder) == [b"2\n"]


def test_lines_that_a_process_left_are_published(folder: Path) -> None:
    leave(folder, b"1\n2\n", "a")
    leave(folder, b"3\n", "b")

    assert recover_segments(folder, now=NOW) == 2
    assert sorted(published(folder)) == [b"1\n2\n", b"3\n"]
    assert hidden(folder) == []


@pytest.mark.parametrize("torn", [b"2", b"2" * 200_000, b"\0" * 5_000])
def test_torn_last_line_is_cut_off(folder: Path, torn: bytes) -> None:
    leave(folder, b"1\n" + torn)

    assert recover_segments(folder, now=NOW) == 1
    assert published(folder) == [b"1\n"]


@pytest.mark.parametrize("content", [b"", b"torn", b"t" * 200_000])
def test_left_segment_without_a_whole_line_is_removed(
    folder: Path, content: bytes
) -> None:
    leave(folder, content)

    assert recover_segments(folder, now=NOW) == 0
    assert published(folder) == []
    assert hidden(folder) == []


def test_folder_that_is_not_there_has_nothing_to_recover(folder: Path) -> None:
    assert recover_segments(folder, now=NOW) == 0


def test_segment_of_a_living_process_is_left_alone(
    segments: LocalSegments, folder: Path
) -> None:
    segments.commit(b"1\n")

    assert recover_segments(folder, now=NOW) == 0
    assert published(folder) == []
    segments.commit(b"2\n")
    segments.close()
    assert published(folder) == [b"1\n2\n"]


def test_new_segment_that_a_recovery_took_away_is_not_written_to(
    segments: LocalSegments, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, rivals = fcntl.flock, iter([True])

    def recover_first(descriptor: int, kind: int) -> None:
        if next(rivals, False):
            recover_segments(folder, now=NOW)
        lock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", recover_first)
    segments.commit(b"1\n")
    segments.close()

    assert published(folder) == [b"1\n"]


def test_links_and_pipes_are_not_recovered(folder: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"without a line end")
    leave(folder, b"1\n")
    (folder / ".segment-link.jsonl.open").symlink_to(precious)
    os.mkfifo(folder / ".segment-pipe.jsonl.open")

    assert recover_segments(folder, now=NOW) == 1
    assert precious.read_bytes() == b"without a line end"
    assert published(folder) == [b"1\n"]


def test_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()
