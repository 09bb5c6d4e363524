import gzip
import hashlib
import io
import resource
import threading
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from event_warehouse.errors import FileError
from event_warehouse.load.blocks import (
    QUEUED_BLOCKS,
    HashedBlocks,
    beside,
    hash_file,
    spooled,
)
from event_warehouse.load.compression import BLOCK_BYTES, MAX_WINDOW_BYTES
from event_warehouse.sources.errors import FileChanged
from event_warehouse.sources.local import find_file

LINES = b"".join(b"line %d of the file\n" % number for number in range(20_000))
SKIPPABLE = b"\x53\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"12345"


class Portions(io.RawIOBase):
    """Bytes from afar: no more than a portion at a time, and no seeking."""

    def __init__(self, content: bytes, portion: int, failure: BaseException | None):
        self._content = io.BytesIO(content)
        self._portion = portion
        self._failure = failure
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = self._content.readinto(buffer[: self._portion])
        if size == 0 and self._failure:
            raise self._failure
        self.given += size
        return size


@dataclass
class Source:
    """A file of a source that is all in memory."""

    content: bytes
    announced: int | None = None
    portion: int = BLOCK_BYTES
    failure: BaseException | None = None
    """Comes in place of the end."""
    stream: Portions | None = None
    uri: str = "memory://file"
    modified: float = 0.0
    version: str | None = None

    @property
    def byte_count(self) -> int | None:
        return self.announced

    def open(self) -> AbstractContextManager[io.RawIOBase]:
        self.stream = Portions(self.content, self.portion, self.failure)
        return closing(self.stream)


def read(content: bytes, *, portion: int = BLOCK_BYTES) -> bytes:
    """The content, unpacked, after a look at the hash and the size."""
    blocks = HashedBlocks(Source(content, portion=portion))
    unpacked = b"".join(blocks)
    assert blocks.sha256 == hashlib.sha256(content).hexdigest()
    assert blocks.byte_count == len(content)
    return unpacked


def refusal(content: bytes) -> str:
    with pytest.raises(FileError) as error:
        read(content)
    return str(error.value)


def zstd(content: bytes, *, level: int = 3, checksum: bool = True) -> bytes:
    packer = zstandard.ZstdCompressor(level=level, write_checksum=checksum)
    return packer.compress(content)


def streamed_zstd(content: bytes, *, window_log: int = 17) -> bytes:
    """As a stream is written: without its size, flushed now and then."""
    parameters = zstandard.ZstdCompressionParameters(
        window_log=window_log, write_checksum=1
    )
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    pieces = [content[at : at + 5_000] for at in range(0, len(content), 5_000)]
    flush = zstandard.COMPRESSOBJ_FLUSH_BLOCK
    packed = [packer.compress(piece) + packer.flush(flush) for piece in pieces]
    return b"".join([*packed, packer.flush()])


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd,
    "streamed zstd": streamed_zstd,
}

# Plain ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size",
    [0, 1, 3, 4, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5 * BLOCK_BYTES + 7],
)
def test_plain_file_comes_as_it_is(size: int) -> None:
    content = (LINES * 3)[:size]

    assert read(content) == content


@pytest.mark.parametrize("content", [b"\x1f", b"\x28\xb5\x2f", b"PAR1", b"\x50\x2a"])
def test_file_shorter_than_any_magic_is_plain(content: bytes) -> None:
    assert read(content) == content


@pytest.mark.parametrize("portion", [1, 2, 3, 1000])
@pytest.mark.parametrize("name", ["plain", *PACKERS])
def test_portions_in_which_the_source_gives_do_not_matter(
    portion: int, name: str
) -> None:
    content = LINES[:30_000]
    pack = PACKERS.get(name, bytes)

    assert read(pack(content), portion=portion) == content


@pytest.mark.parametrize("announced", [len(LINES) - 1, len(LINES) + 1])
def test_end_that_is_not_where_it_was_announced_is_an_error(announced: int) -> None:
    source = Source(LINES, announced=announced)

    for read_all in (lambda: list(HashedBlocks(source)), lambda: hash_file(source)):
        with pytest.raises(FileError, match=f"where {announced:,} were announced"):
            read_all()


@pytest.mark.parametrize(
    "failure", [FileError("the bucket is gone"), MemoryError("no more"), KeyError(1)]
)
@pytest.mark.parametrize("pack", [bytes, *PACKERS.values()])
def test_whatever_breaks_in_the_thread_reaches_the_reader(
    failure: Exception, pack: Callable[[bytes], bytes]
) -> None:
    blocks = HashedBlocks(Source(pack(LINES)[:-1], failure=failure))

    with pytest.raises(type(failure)) as error:
        list(blocks)

    assert error.value is failure


def test_reading_is_not_far_ahead_of_the_reader() -> None:
    source = Source(b"x" * (100 * BLOCK_BYTES))
    blocks = iter(HashedBlocks(source))

    next(blocks)

    assert source.stream is not None
    assert source.stream.given <= (QUEUED_BLOCKS + 4) * BLOCK_BYTES
    assert isinstance(blocks, Generator)
    blocks.close()


def test_reader_that_stops_ends_the_thread() -> None:
    before = threading.active_count()
    blocks = iter(HashedBlocks(Source(b"x" * (100 * BLOCK_BYTES))))
    next(blocks)
    assert threading.active_count() == before + 1

    assert isinstance(blocks, Generator)
    blocks.close()

    assert threading.active_count() == before


# Packed ---------------------------------------------------------------------------


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, len(LINES)])
def test_packed_file_is_unpacked(pack: Callable[[bytes], bytes], size: int) -> None:
    assert read(pack(LINES[:size])) == LINES[:size]


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_several_members_are_one_file(pack: Callable[[bytes], bytes]) -> None:
    parts = [b"a,b\n", b"", LINES, b"", b"", b"1,2\n"]

    assert read(b"".join(map(pack, parts))) == b"".join(parts)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_many_small_members_come_in_few_blocks(pack: Callable[[bytes], bytes]) -> None:
    blocks = list(HashedBlocks(Source(pack(b"a line of text\n") * 20_000)))

    assert b"".join(blocks) == b"a line of text\n" * 20_000
    assert len(blocks) <= 3


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize(
    "rest", [b"x", b"more\n", b"\x1f", b"\x28\xb5\x2f\xfd", b"PK\3\4"]
)
def test_what_follows_the_last_member_is_damage(
    pack: Callable[[bytes], bytes], rest: bytes
) -> None:
    assert "compression is damaged or cut off (" in refusal(pack(LINES) + rest)


@pytest.mark.parametrize("count", [1, 511, 100_000])
def test_zeros_may_follow_a_gzip_member(count: int) -> None:
    packed = gzip.compress(b"a\n") + bytes(count)

    assert read(packed) == b"a\n"
    assert read(packed + gzip.compress(b"b\n") + bytes(count)) == b"a\nb\n"
    assert "gzip compression is damaged" in refusal(packed + b"x")


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_packed_file_cut_off_anywhere_is_no_shorter_file(
    pack: Callable[[bytes], bytes],
) -> None:
    packed = pack(LINES[:3_000])

    for length in range(4, len(packed)):
        assert "compression is damaged or cut off (" in refusal(packed[:length])


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_flipped_bit_is_noticed_or_changes_nothing(
    pack: Callable[[bytes], bytes],
) -> None:
    packed = pack(LINES[:1_000])

    for at in range(4, len(packed)):
        damaged = bytearray(packed)
        damaged[at] ^= 1 << at % 8
        try:
            assert read(bytes(damaged)) == LINES[:1_000]
        except FileError:
            continue


def test_wrong_checksum_is_damage() -> None:
    packed = bytearray(gzip.compress(LINES))
    packed[-6] ^= 1

    assert refusal(bytes(packed)) == (
        "its gzip compression is damaged or cut off "
        "(Error -3 while decompressing data: incorrect data check)"
    )


@pytest.mark.parametrize(
    "parts",
    [
        [SKIPPABLE, zstd(LINES)],
        [zstd(LINES), SKIPPABLE],
        [zstd(LINES[:50]), SKIPPABLE, SKIPPABLE, zstd(LINES[50:])],
        [zstd(LINES, checksum=False), SKIPPABLE],
    ],
)
def test_skippable_zstd_frames_are_skipped(parts: list[bytes]) -> None:
    assert read(b"".join(parts)) == LINES


def test_skippable_zstd_frame_that_is_cut_off_is_damage() -> None:
    assert "zstd compression is damaged" in refusal(zstd(LINES) + SKIPPABLE[:-1])


@pytest.mark.parametrize("level", [-5, 1, 19])
def test_zstd_of_any_level_is_unpacked(level: int) -> None:
    assert read(zstd(LINES, level=level)) == LINES


def test_zstd_window_over_the_limit_is_refused() -> None:
    assert read(streamed_zstd(LINES, window_log=27)) == LINES

    told = refusal(streamed_zstd(LINES, window_log=28))

    assert told == (
        f"its zstd compression needs a window of {2 * MAX_WINDOW_BYTES:,} bytes, more "
        f"than {MAX_WINDOW_BYTES:,}; compress it with a shorter one "
        "(zstd --long=27 at most)"
    )


def test_zstd_that_needs_a_dictionary_is_refused() -> None:
    dictionary = zstandard.ZstdCompressionDict(LINES[:10_000])
    packed = zstandard.ZstdCompressor(dict_data=dictionary).compress(LINES)

    assert "zstd compression is damaged" in refusal(packed)


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_bomb_comes_in_blocks_of_the_usual_size(name: str) -> None:
    zeros = bytes(50 * 1024 * 1024)
    packed = zlib.compress(zeros, wbits=31) if name == "gzip" else zstd(zeros)
    assert len(packed) * 900 < len(zeros)

    sizes = [len(block) for block in HashedBlocks(Source(packed))]

    assert sum(sizes) == len(zeros)
    assert max(sizes) <= 2 * BLOCK_BYTES


@given(
    st.lists(st.binary(max_size=200), min_size=1, max_size=5),
    st.sampled_from([bytes, *PACKERS.values()]),
    st.integers(1, 300),
)
def test_any_content_is_read_back(
    parts: list[bytes], pack: Callable[[bytes], bytes], portion: int
) -> None:
    # What has no magic of its own, or it would be unpacked where it is plain.
    content = [b"," + part for part in parts]

    assert read(b"".join(map(pack, content)), portion=portion) == b"".join(content)


@given(st.binary(max_size=300), st.sampled_from([b"\x1f\x8b\x08", zstd(b"")[:4]]))
def test_no_bytes_after_a_magic_do_any_harm(content: bytes, magic: bytes) -> None:
    with suppress(FileError):
        read(magic + content)


# Whole files ----------------------------------------------------------------------


def test_hash_is_of_the_bytes_as_stored() -> None:
    packed = gzip.compress(LINES)

    assert hash_file(Source(packed)) == hashlib.sha256(packed).hexdigest()


def test_file_from_afar_is_copied_to_be_sought_in() -> None:
    with spooled(Source(LINES, announced=len(LINES), portion=777)) as whole:
        assert whole.sha256 == hashlib.sha256(LINES).hexdigest()
        assert whole.byte_count == len(LINES)
        assert whole.stream.read() == LINES
        whole.stream.seek(-5, io.SEEK_END)
        assert whole.stream.read() == LINES[-5:]


def test_packed_file_is_copied_as_it_is_stored() -> None:
    packed = gzip.compress(LINES)

    with spooled(Source(packed)) as whole:
        assert whole.stream.read() == packed


def test_local_file_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    path = tmp_path / "a.parquet"
    path.write_bytes(LINES)

    with spooled(find_file(path)) as whole:
        assert whole.sha256 == hashlib.sha256(LINES).hexdigest()
        assert whole.byte_count == len(LINES)
        assert whole.stream.read(9) == LINES[:9]
        whole.stream.seek(100)
        assert whole.stream.read() == LINES[100:]


def test_local_file_that_is_changed_while_it_is_in_use_is_an_error(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(LINES)

    def read_and_change() -> None:
        with spooled(find_file(path)) as whole:
            whole.stream.read(9)
            path.write_bytes(LINES[1:])

    with pytest.raises(FileChanged):
        read_and_change()


def test_file_over_the_limit_is_not_copied() -> None:
    with spooled(Source(LINES), limit=len(LINES)):
        pass
    with (
        pytest.raises(FileError, match=f"is larger than {len(LINES) - 1:,} bytes"),
        spooled(Source(LINES), limit=len(LINES) - 1),
    ):
        pass


def test_full_disk_is_told(tmp_path: Path) -> None:
    with (
        room_for(1_000),
        pytest.raises(FileError, match=f"^found no room in {tmp_path}, where it is"),
        spooled(Source(LINES), folder=str(tmp_path)),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@contextmanager
def room_for(byte_count: int) -> Iterator[None]:
    """No file may grow beyond that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (byte_count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_missing_folder_for_the_copy_is_told(tmp_path: Path) -> None:
    folder = str(tmp_path / "missing")

    with (
        pytest.raises(FileError, match=f"^found no room in {folder}"),
        spooled(Source(LINES), folder=folder),
    ):
        pass


# Beside ---------------------------------------------------------------------------


def test_items_come_in_their_order() -> None:
    assert list(beside((n for n in range(1_000)), 3)) == list(range(1_000))


def test_items_before_a_failure_come_first() -> None:
    def work() -> Generator[int]:
        yield 1
        raise MemoryError

    items = beside(work(), 3)

    assert next(items) == 1
    with pytest.raises(MemoryError):
        next(items)


def test_work_that_is_abandoned_is_closed() -> None:
    closed = threading.Event()

    def work() -> Generator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    items = beside(work(), 3)
    next(items)
    items.close()

    assert closed.is_set()
