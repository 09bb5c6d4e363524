"""A stream gives every byte once, whatever breaks and however often."""

import random
from collections.abc import Callable, Iterator
from io import BufferedReader

import pytest

from event_warehouse.errors import FileError
from event_warehouse.sources.errors import Interrupted, SourceUnavailable
from event_warehouse.sources.resuming import (
    PROGRESS_BYTES,
    Backoff,
    Body,
    ResumingStream,
    retry,
)

CONTENT = random.Random(1).randbytes(10_000)
QUICK = Backoff(first_seconds=0.0)


class Source:
    """Content that breaks off after so many bytes of each part, and counts."""

    def __init__(self, content: bytes, *breaks: int | None) -> None:
        self.content = content
        self.breaks = list(breaks)
        self.offsets: list[int] = []
        self.open_count = 0
        self.byte_count: int | None = len(content)
        self.ends_silently = False

    def open_at(self, offset: int) -> Body:
        self.offsets.append(offset)
        self.open_count += 1
        size = self.breaks.pop(0) if self.breaks else None
        return Body(self._chunks(offset, size), self._close, self.byte_count)

    def _chunks(self, offset: int, size: int | None) -> Iterator[bytes]:
        rest = self.content[offset:]
        for start in range(0, len(rest[:size]), 700):
            yield rest[:size][start : start + 700]
        if size is not None and not self.ends_silently:
            raise Interrupted("it broke")

    def _close(self) -> None:
        self.open_count -= 1

    def stream(self, backoff: Backoff = QUICK) -> ResumingStream:
        return ResumingStream(self.open_at, name="s3://a/b", backoff=backoff)


@pytest.mark.parametrize("size", [1, 3, 699, 700, 701, 20_000])
def test_any_buffer_is_filled_in_order(size: int) -> None:
    source = Source(CONTENT, 1, 0, 2500)
    with source.stream() as stream:
        read = b"".join(iter(lambda: stream.read(size) or b"", b""))

    assert read == CONTENT
    assert source.offsets == [0, 1, 1, 2501]
    assert source.open_count == 0


def test_part_that_ends_too_soon_without_an_error_is_taken_up_again() -> None:
    source = Source(CONTENT, 100, 0, 5000)
    source.ends_silently = True

    with source.stream() as stream:
        assert stream.readall() == CONTENT


def test_end_is_the_chunks_where_no_length_is_known() -> None:
    source = Source(CONTENT, 100)
    source.byte_count = None

    with source.stream() as stream:
        assert stream.readall() == CONTENT
    assert source.offsets == [0, 100]


def test_break_after_the_last_byte_is_no_failure() -> None:
    source = Source(CONTENT, len(CONTENT))

    with source.stream() as stream:
        assert stream.readall() == CONTENT
    assert source.offsets == [0]


def test_empty_file_is_read_to_its_end() -> None:
    with Source(b"").stream() as stream:
        assert stream.read(1) == b""
        assert stream.read(1) == b""


def test_nothing_is_opened_before_the_first_read() -> None:
    source = Source(CONTENT)
    source.stream().close()

    assert source.offsets == []


def test_more_bytes_than_there_should_be_are_an_error() -> None:
    source = Source(CONTENT)
    source.byte_count = 9_999

    with (
        source.stream() as stream,
        pytest.raises(FileError, match="has more than the 9,999 bytes"),
    ):
        stream.readall()


def test_attempts_without_progress_are_counted() -> None:
    source = Source(CONTENT, 10, *[0] * 9)

    with (
        source.stream() as stream,
        pytest.raises(FileError, match=r"it broke \(5 times in a row\), at byte 10"),
    ):
        stream.readall()
    assert source.offsets == [0, 10, 10, 10, 10]
    assert source.open_count == 0


def test_a_few_bytes_are_no_progress() -> None:
    source = Source(CONTENT, *[1] * 9)

    with source.stream() as stream, pytest.raises(FileError, match="at byte 5"):
        stream.readall()


def test_progress_starts_the_count_anew() -> None:
    content = bytes(12 * PROGRESS_BYTES)
    source = Source(content, *[PROGRESS_BYTES] * 11)

    with source.stream() as stream:
        assert stream.readall() == content


def test_error_that_can_not_pass_is_raised_at_once() -> None:
    def refuse(offset: int) -> Body:
        raise FileError("is gone")

    with (
        ResumingStream(refuse, name="a", backoff=QUICK) as stream,
        pytest.raises(FileError, match="is gone"),
    ):
        BufferedReader(stream, 100).read(1)


def test_closed_stream_is_not_read() -> None:
    stream = Source(CONTENT).stream()
    stream.read(1)
    stream.close()

    with pytest.raises(ValueError, match="closed"):
        stream.read(1)


def failing(times: int, **options: object) -> Callable[[], str]:
    left = [Interrupted("too busy", **options) for _ in range(times)]  # type: ignore[arg-type]

    def attempt() -> str:
        if left:
            raise left.pop()
        return "done"

    return attempt


def test_attempt_is_made_again_until_it_succeeds() -> None:
    assert retry(failing(4), QUICK, name="a") == "done"


def test_last_failure_is_raised_as_what_it_is() -> None:
    attempt = failing(9, failure=SourceUnavailable)

    with pytest.raises(SourceUnavailable, match=r"a: too busy \(5 times in a row\)"):
        retry(attempt, QUICK, name="a")


def test_pauses_grow_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    backoff = Backoff(attempts=6, first_seconds=1.0, longest_seconds=20.0)

    retry(failing(5), backoff, name="a")

    for pause, longest in zip(pauses, [1, 4, 16, 20, 20], strict=True):
        assert longest / 2 <= pause <= longest


def test_source_that_asks_for_time_is_given_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)

    retry(failing(1, wait_seconds=5.0), Backoff(), name="a")

    assert pauses == [5.0]
