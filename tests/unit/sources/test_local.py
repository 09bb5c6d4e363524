import os
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from event_warehouse.errors import FileError
from event_warehouse.sources.errors import FileChanged, FileGone
from event_warehouse.sources.local import (
    RACY_SECONDS,
    LocalFile,
    check_readable,
    find_file,
    find_in_folder,
    find_landed,
)

SETTLED = 1_735_000_000
CONTENT = b"a,b\n1,2\n"


def put(path: Path, content: bytes = CONTENT, *, modified: float = SETTLED) -> Path:
    """A file that nobody writes to any more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (modified, modified))
    return path


def put_too_deep(folder: Path) -> None:
    """A folder that nobody, not even root, can open by its path: it is too long."""
    folder.mkdir(exist_ok=True)
    outer = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=outer)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=outer)
        os.close(outer)
        outer = inner
    os.close(outer)


def landed(landing: Path, pattern: str = "**/*.csv") -> list[str]:
    return [str(f.path.relative_to(landing)) for f in find_landed(landing, pattern)]


def read(file: LocalFile) -> bytes:
    with file.open() as stream:
        content: bytes = stream.read()
    return content


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / ".warehouse" / "landing"
    folder.mkdir(parents=True)
    return folder


# Finding --------------------------------------------------------------------------


def test_found_file_tells_what_it_is(tmp_path: Path) -> None:
    path = put(tmp_path / "a b.csv")

    file = find_file(path)

    inode = path.stat().st_ino
    assert file.uri == f"file://{tmp_path}/a%20b.csv"
    assert file.byte_count == len(CONTENT)
    assert file.modified == SETTLED
    assert file.version == f"{len(CONTENT)}-{SETTLED}000000000-{inode}"


def test_landed_files_come_by_their_path(landing: Path) -> None:
    for name in ("feed/b.csv", "feed/a.csv", "feed/in/c.csv", "other/d.txt"):
        put(landing / name)

    assert landed(landing) == ["feed/a.csv", "feed/b.csv", "feed/in/c.csv"]
    assert landed(landing, "feed/*.csv") == ["feed/a.csv", "feed/b.csv"]
    assert landed(landing, "other/d.txt") == ["other/d.txt"]


def test_landing_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert find_landed(tmp_path / "missing", "**/*") == []


def test_hidden_files_and_what_is_in_hidden_folders_is_passed_over(
    landing: Path,
) -> None:
    for name in (".a.csv", "feed/.b.csv", ".feed/c.csv", "feed/.parts/in/d.csv"):
        put(landing / name)
    put(landing / "..e.csv")
    put(landing / "feed" / "f..csv")

    assert landed(landing) == ["feed/f..csv"]
    assert len(find_in_folder(landing)) == 1


def test_link_that_leads_out_of_the_landing_folder_is_passed_over(
    landing: Path, tmp_path: Path
) -> None:
    secret = put(tmp_path / "secrets" / "secret.csv")
    (landing / "out.csv").symlink_to(secret)
    (landing / "far.csv").symlink_to("../../secrets/secret.csv")
    (landing / "folder").symlink_to(secret.parent)

    assert landed(landing) == []
    assert landed(landing, "*.csv") == []
    assert landed(landing, "folder/*.csv") == []


@pytest.mark.parametrize("find", [find_in_folder, partial(find_landed, pattern="**/*")])
def test_link_that_leads_out_of_the_folder_is_not_read_and_said(
    landing: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    find: Callable[[Path], list[LocalFile]],
) -> None:
    secret = put(tmp_path / "secrets" / "secret.csv")
    kept = put(landing / "in" / "kept.csv")
    (landing / "in" / "out.csv").symlink_to(secret)
    (landing / "folder").symlink_to(secret.parent)
    (landing / "inner").symlink_to(kept.parent)
    (landing / "same.csv").symlink_to(kept)

    assert [file.path for file in find(landing)] == [kept]
    assert [record.getMessage() for record in caplog.records] == [
        f"{landing / name} leads out of {landing} and is left out"
        for name in ("folder", "in/out.csv")
    ]


def test_named_folder_may_be_a_link_itself_or_in_a_hidden_one(
    landing: Path, tmp_path: Path
) -> None:
    path = put(landing / "in" / "a.csv")
    (tmp_path / "link").symlink_to(landing)

    assert [file.path for file in find_in_folder(tmp_path / "link")] == [path]


@pytest.mark.parametrize(
    "look",
    [
        find_in_folder,
        partial(find_landed, pattern="**/*"),
        partial(check_readable, pattern="**/*"),
    ],
)
def test_subfolder_that_can_not_be_looked_into_is_an_error_that_names_it(
    tmp_path: Path, look: Callable[[Path], object]
) -> None:
    put(tmp_path / "a.csv")
    put_too_deep(tmp_path)

    with pytest.raises(FileError, match=r"/d{250}: File name too long$"):
        look(tmp_path)


def test_what_no_file_of_the_pattern_is_in_need_not_be_looked_into(
    tmp_path: Path,
) -> None:
    put(tmp_path / "clicks" / "a.csv")
    put_too_deep(tmp_path / "views")

    check_readable(tmp_path, "clicks/**/*")
    check_readable(tmp_path, "*/a.csv")
    with pytest.raises(FileError, match=r"/d{250}: File name too long$"):
        check_readable(tmp_path, "*/**/a.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any folder")
@pytest.mark.parametrize("mode", [0o000, 0o300, 0o400])
def test_subfolder_that_may_not_be_read_is_an_error_that_names_it(
    tmp_path: Path, mode: int
) -> None:
    put(tmp_path / "in" / "a.csv")
    put(tmp_path / "b.csv")
    (tmp_path / "in").chmod(mode)

    with pytest.raises(FileError, match=r"/in: Permission denied$"):
        find_in_folder(tmp_path)
    assert [file.path.name for file in find_landed(tmp_path, "**/*")] == ["b.csv"]
    with pytest.raises(FileError, match=r"/in: Permission denied$"):
        check_readable(tmp_path, "**/*")
    (tmp_path / "in").chmod(0o700)


def test_folder_whose_name_begins_as_the_landing_folder_s_is_out_of_it(
    landing: Path,
) -> None:
    beside = put(landing.with_name("landing-2") / "a.csv")
    (landing / "out.csv").symlink_to(beside)

    assert landed(landing) == []


@pytest.mark.parametrize("pattern", ["../secrets/*.csv", "feed/../../secrets/*.csv"])
def test_pattern_that_leads_out_of_the_landing_folder_finds_nothing(
    landing: Path, tmp_path: Path, pattern: str
) -> None:
    put(tmp_path / ".warehouse" / "secrets" / "secret.csv")
    (landing / "feed").mkdir()

    assert landed(landing, pattern) == []


def test_link_to_a_landed_file_is_that_file(landing: Path) -> None:
    path = put(landing / "kept" / "a.csv")
    (landing / "b.csv").symlink_to(path)
    (landing / "c.csv").symlink_to("kept/a.csv")

    assert landed(landing) == ["kept/a.csv"]
    assert landed(landing, "b.csv") == ["kept/a.csv"]


def test_landing_folder_may_be_a_link_itself(landing: Path, tmp_path: Path) -> None:
    put(landing / "a.csv")
    (tmp_path / "link").symlink_to(landing)

    (file,) = find_landed(tmp_path / "link", "**/*.csv")

    assert file.path == landing / "a.csv"


def test_what_is_no_regular_file_is_passed_over(landing: Path) -> None:
    (landing / "folder.csv").mkdir()
    (landing / "broken.csv").symlink_to(landing / "nothing")
    (landing / "loop.csv").symlink_to(landing / "loop.csv")
    (landing / "one.csv").symlink_to(landing / "two.csv")
    (landing / "two.csv").symlink_to(landing / "one.csv")
    (landing / "device.csv").symlink_to("/dev/zero")
    os.mkfifo(landing / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as server:
        # A socket's path has to be short.
        folder = os.open(landing, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{folder}/socket.csv")
        os.close(folder)

        assert landed(landing) == []
        assert find_in_folder(landing) == []


def test_folder_that_is_a_link_to_one_above_it_ends_no_search(landing: Path) -> None:
    put(landing / "feed" / "a.csv")
    (landing / "feed" / "loop").symlink_to(landing)

    assert landed(landing) == ["feed/a.csv"]


@pytest.mark.parametrize(
    "name", ["a\nb.csv", "a b%2F.csv", "-rf.csv", "é😀.csv", "*.csv", "$(id).csv"]
)
def test_any_name_is_an_address_in_ascii(landing: Path, name: str) -> None:
    put(landing / name)

    (file,) = find_landed(landing, "**/*.csv")

    assert file.uri.isascii()
    assert file.uri.isprintable()
    assert read(file) == CONTENT


def test_name_that_is_not_utf8_is_an_address_too(landing: Path) -> None:
    put(landing / os.fsdecode(b"\xff.csv"))

    (file,) = find_landed(landing, "**/*.csv")

    assert file.uri.endswith("/%FF.csv")
    assert read(file) == CONTENT


def test_file_named_by_a_person_may_be_hidden_or_a_link(tmp_path: Path) -> None:
    path = put(tmp_path / ".hidden" / "a.csv")
    (tmp_path / "link.csv").symlink_to(path)

    assert find_file(tmp_path / "link.csv").path == path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.csv", "No such file or directory"),
        ("folder", "is not a regular file"),
        ("pipe", "is not a regular file"),
        ("loop", "Too many levels of symbolic links"),
        ("broken", "No such file or directory"),
    ],
)
def test_what_can_not_be_a_file_is_refused(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "broken").symlink_to("nothing")

    with pytest.raises(FileError, match=f"{name}: {reason}$"):
        find_file(tmp_path / name)


# Settling -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "is_settled"),
    [(5.0, True), (4.9, False), (0.0, False), (-3_600.0, False), (-90_000.0, True)],
)
def test_file_is_settled_some_time_after_its_last_change(
    tmp_path: Path, age: float, is_settled: bool
) -> None:
    file = find_file(put(tmp_path / "a.csv"))

    assert file.is_settled(SETTLED + age, 5.0) is is_settled


def test_version_of_a_file_that_has_just_changed_is_not_told(tmp_path: Path) -> None:
    now = time.time()

    assert find_file(put(tmp_path / "a.csv", modified=now)).version is None
    assert find_file(put(tmp_path / "a.csv", modified=now + 60)).version is None
    before = now - RACY_SECONDS - 0.1
    assert find_file(put(tmp_path / "a.csv", modified=before)).version is not None


# Reading --------------------------------------------------------------------------


def test_file_is_read_from_its_beginning_each_time(tmp_path: Path) -> None:
    file = find_file(put(tmp_path / "a.csv"))

    assert read(file) == CONTENT
    assert read(file) == CONTENT


def test_file_can_be_sought_in(tmp_path: Path) -> None:
    with find_file(put(tmp_path / "a.csv")).open() as stream:
        assert stream.seekable()
        assert stream.seek(-4, os.SEEK_END) == 4
        assert stream.tell() == 4
        assert stream.read() == CONTENT[4:]


def test_file_that_vanished_is_gone(tmp_path: Path) -> None:
    file = find_file(put(tmp_path / "in" / "a.csv"))
    file.path.unlink()

    with pytest.raises(FileGone, match=r"^is gone since it was found$"):
        read(file)
    file.path.parent.rmdir()
    with pytest.raises(FileGone):
        read(file)


def test_file_that_vanishes_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    file = find_file(put(tmp_path / "a.csv"))

    with file.open() as stream:
        file.path.unlink()
        assert stream.read() == CONTENT


def test_file_that_is_replaced_while_it_is_read_is_read_as_it_was(
    tmp_path: Path,
) -> None:
    file = find_file(put(tmp_path / "a.csv"))

    with file.open() as stream:
        put(tmp_path / "b.csv", b"else\n").rename(file.path)
        assert stream.read() == CONTENT


@pytest.mark.parametrize("content", [b"A,b\n1,2\n", b"a,b\n", b"a,b\n1,2\n3,4\n", b""])
def test_file_that_was_overwritten_since_it_was_found_is_not_read(
    tmp_path: Path, content: bytes
) -> None:
    file = find_file(put(tmp_path / "a.csv"))
    file.path.write_bytes(content)

    with pytest.raises(FileChanged, match=r"^was changed while it was read; the next"):
        file.open().__enter__()


@pytest.mark.parametrize("content", [b"A,b\n1,2\n", b"a,b\n", b"a,b\n1,2\n3,4\n", b""])
def test_overwriting_is_noticed_before_the_end_is_told(
    tmp_path: Path, content: bytes
) -> None:
    file = find_file(put(tmp_path / "a.csv"))
    opened = file.open()
    stream = opened.__enter__()
    assert stream.read(4) == CONTENT[:4]

    file.path.write_bytes(content)

    with pytest.raises(FileChanged):
        stream.read(4)
    with pytest.raises(FileChanged):
        stream.read(4)


def test_overwriting_after_the_end_is_noticed_when_the_file_is_closed(
    tmp_path: Path,
) -> None:
    file = find_file(put(tmp_path / "a.csv"))
    opened = file.open()
    assert opened.__enter__().read() == CONTENT

    file.path.write_bytes(b"else")

    with pytest.raises(FileChanged):
        opened.__exit__(None, None, None)


def test_failure_of_the_reader_is_not_hidden_by_a_change(tmp_path: Path) -> None:
    file = find_file(put(tmp_path / "a.csv"))

    def read_and_fail() -> None:
        with file.open():
            file.path.write_bytes(b"else")
            raise KeyError

    with pytest.raises(KeyError):
        read_and_fail()


def test_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    file = find_file(put(tmp_path / "landing" / "a.csv"))
    secret = put(tmp_path / "secret.csv")
    file.path.unlink()
    file.path.symlink_to(secret)

    with pytest.raises(FileChanged):
        read(file)


def test_pipe_in_place_of_the_file_is_not_waited_for(tmp_path: Path) -> None:
    file = find_file(put(tmp_path / "a.csv"))
    file.path.unlink()
    os.mkfifo(file.path)

    with pytest.raises(FileChanged):
        read(file)


def test_folder_in_place_of_the_file_is_not_read(tmp_path: Path) -> None:
    file = find_file(put(tmp_path / "a.csv"))
    file.path.unlink()
    file.path.mkdir()

    with pytest.raises(FileChanged):
        read(file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    file = find_file(put(tmp_path / "a.csv"))
    file.path.chmod(0)

    with pytest.raises(FileError, match=r"^Permission denied$"):
        read(file)


def test_file_that_fails_while_it_is_read_is_refused(tmp_path: Path) -> None:
    # The kernel gives no byte of its own memory before the mapped ones.
    file = find_file(Path("/proc/self/mem"))

    with pytest.raises(FileError, match=r"^Input/output error$"), file.open() as stream:
        stream.read(1)


def test_reading_leaves_no_descriptor_open(tmp_path: Path) -> None:
    file = find_file(put(tmp_path / "a.csv"))
    before = len(os.listdir("/proc/self/fd"))

    read(file)
    file.path.write_bytes(b"else")
    with pytest.raises(FileChanged):
        read(file)

    assert len(os.listdir("/proc/self/fd")) == before
