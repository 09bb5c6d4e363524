"""Events wait in files that one process has at a time and a dead one has no more."""

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from event_warehouse.producer.destinations import Limits
from event_warehouse.producer.segments import create_segment
from event_warehouse.producer.spool import Spool

MakeSpool = Callable[..., Spool]


@pytest.fixture
def make_spool(tmp_path: Path) -> Iterator[MakeSpool]:
    """Spools of one folder, as processes that share it have one each."""
    made = []

    def make(
        *, most_bytes: int = 10_000, events: int = 3, seconds: float = 0.0
    ) -> Spool:
        limits = Limits(events=events, byte_count=1_000, seconds=seconds)
        made.append(Spool(tmp_path, most_bytes, limits, scan_seconds=0.0))
        return made[-1]

    yield make
    for spool in made:
        spool.abandon()


def lines(*names: str) -> deque[bytes]:
    return deque(f"{name}\n".encode() for name in names)


def send_all(spool: Spool) -> list[bytes]:
    """What a sender finds, oldest first."""
    found = []
    while claimed := spool.claim():
        found += spool.read(claimed)[0]
        spool.settle(claimed, [])
    return found


def test_events_come_out_in_their_order_and_leave_no_file(
    make_spool: MakeSpool, tmp_path: Path
) -> None:
    spool = make_spool()
    for name in "abcdefg":
        spool.append(lines(name), sync=False)

    assert send_all(spool) == list(lines(*"abcdefg"))
    assert not list(tmp_path.iterdir())


def test_segment_has_no_more_events_than_a_batch(make_spool: MakeSpool) -> None:
    spool = make_spool(events=3)
    spool.append(lines(*"abcdefg"), sync=True)

    claimed = spool.claim()

    assert claimed
    assert spool.read(claimed)[0] == list(lines("a", "b", "c"))


def test_segment_has_no_more_bytes_than_a_batch(make_spool: MakeSpool) -> None:
    spool = make_spool(events=100)
    spool.append(lines("a" * 599, "b" * 599, "c"), sync=False)
    spool.seal(sync=False)

    assert [path.stat().st_size for path in spool.waiting()] == [600, 602]


def test_young_segment_is_not_sent_yet(make_spool: MakeSpool) -> None:
    spool = make_spool(seconds=60.0)
    spool.append(lines("a"), sync=False)

    assert spool.claim() is None
    assert spool.seconds_until_due() == pytest.approx(60.0, abs=1.0)


def test_segment_is_claimed_by_one_process_only(make_spool: MakeSpool) -> None:
    one, other = make_spool(), make_spool()
    one.append(lines("a"), sync=False)
    one.seal(sync=False)

    claimed = one.claim()

    assert claimed
    assert other.claim() is None
    one.settle(claimed, [])
    assert other.claim() is None


def test_segment_that_is_claimed_is_passed_over(make_spool: MakeSpool) -> None:
    one, other = make_spool(events=1), make_spool(events=1)
    one.append(lines("a", "b"), sync=False)
    one.seal(sync=False)
    one.claim()

    assert send_all(other) == list(lines("b"))


def test_open_segment_is_its_writer_s(make_spool: MakeSpool) -> None:
    one, other = make_spool(seconds=60.0), make_spool()
    one.append(lines("a"), sync=False)

    assert other.claim() is None
    other.adopt()
    assert not other.waiting()


def test_open_segment_of_a_dead_process_is_taken_over(
    make_spool: MakeSpool,
) -> None:
    one, other = make_spool(seconds=60.0), make_spool()
    one.append(lines("a"), sync=False)
    one.abandon()  # The operating system closes the files of the dead.

    assert send_all(other) == list(lines("a"))


def test_claim_of_a_dead_process_is_taken_over(make_spool: MakeSpool) -> None:
    one, other = make_spool(), make_spool()
    one.append(lines("a"), sync=False)
    assert one.claim()
    one.abandon()

    assert send_all(other) == list(lines("a"))


def test_event_cut_off_by_a_kill_is_left_out_and_told(
    make_spool: MakeSpool, tmp_path: Path
) -> None:
    (tmp_path / "1-1-1.open").write_bytes(b'{"whole": 1}\n{"cut')
    spool = make_spool()

    claimed = spool.claim()

    assert claimed
    assert spool.read(claimed) == ([b'{"whole": 1}\n'], True)


def test_rest_of_a_segment_is_left_to_the_next_process(make_spool: MakeSpool) -> None:
    one, other = make_spool(), make_spool()
    one.append(lines("a", "b", "c"), sync=False)
    claimed = one.claim()
    assert claimed

    one.settle(claimed, list(lines("c")))

    assert send_all(other) == list(lines("c"))


def test_full_spool_takes_no_more_until_something_was_sent(
    make_spool: MakeSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_warehouse.producer.spool.MEASURE_SECONDS", 0.0)
    spool = make_spool(most_bytes=8, events=2)
    more = lines(*"abcdef")

    with pytest.raises(OSError, match="the spool has its 8 bytes"):
        spool.append(more, sync=False)
    assert more == lines("e", "f")

    assert send_all(spool) == list(lines(*"abcd"))
    spool.append(more, sync=False)
    assert send_all(spool) == list(lines("e", "f"))


def test_of_lines_that_come_together_a_spool_takes_what_fits(
    make_spool: MakeSpool,
) -> None:
    spool = make_spool(most_bytes=9, events=100)
    more = lines(*"abcdef")

    with pytest.raises(OSError, match="the spool has its 9 bytes"):
        spool.append(more, sync=False)

    assert more == lines("e", "f")
    assert send_all(spool) == list(lines(*"abcd"))


def test_size_is_that_of_all_processes(make_spool: MakeSpool) -> None:
    one, other = make_spool(most_bytes=4), make_spool(most_bytes=4)
    one.append(lines("a", "b"), sync=False)

    with pytest.raises(OSError, match="the spool has its 4 bytes"):
        other.append(lines("c"), sync=False)


def test_write_that_fails_half_way_leaves_no_half_event(
    make_spool: MakeSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool()
    spool.append(lines("a"), sync=False)
    write = os.write

    def write_a_byte(descriptor: int, content: bytes) -> int:
        if len(content) < 4:
            raise OSError(28, "No space left on device")
        return write(descriptor, content[:1])

    more = lines("bbbb")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_a_byte)
        with pytest.raises(OSError, match="No space left"):
            spool.append(more, sync=False)
    spool.append(more, sync=False)

    assert send_all(spool) == list(lines("a", "bbbb"))


def test_files_are_for_their_user_s_eyes_only(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    limits = Limits(events=1, byte_count=10, seconds=0.0)
    spool = Spool(folder, 100, limits, scan_seconds=0.0)
    spool.append(lines("a"), sync=False)

    [file] = folder.iterdir()
    spool.abandon()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_folder_that_every_user_may_write_to_is_refused(
    make_spool: MakeSpool, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)

    with pytest.raises(OSError, match="every user may write"):
        make_spool().append(lines("a"), sync=False)


def test_other_files_in_the_folder_are_left_alone(
    make_spool: MakeSpool, tmp_path: Path
) -> None:
    (tmp_path / "refused").mkdir()
    (tmp_path / ".hidden.jsonl").touch()
    (tmp_path / "notes.txt").touch()

    assert send_all(make_spool()) == []
    assert len(list(tmp_path.iterdir())) == 3


def test_segment_taken_over_while_it_is_created_is_created_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.close
    taken: list[Path] = []

    def close_and_take_over(descriptor: int) -> None:
        real(descriptor)
        if not taken:
            [path] = tmp_path.iterdir()
            taken.append(path)
            path.unlink()

    monkeypatch.setattr(os, "close", close_and_take_over)
    segment = create_segment(tmp_path)
    segment.write([b"a\n"])
    segment.seal(sync=True)

    assert segment.path not in taken
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"a\n"]
