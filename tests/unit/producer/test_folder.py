"""A loader that watches the folder sees whole files only."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from event_warehouse.producer.destinations import Unavailable
from event_warehouse.producer.destinations.folder import Folder


def test_batch_is_a_file_named_for_the_day(tmp_path: Path) -> None:
    Folder(urlsplit((tmp_path / "a b" / "c").as_uri())).send([b"1\n", b"2\n"])

    [file] = (tmp_path / "a b" / "c").iterdir()
    assert file.read_bytes() == b"1\n2\n"
    assert file.match("20??-??-??-*.jsonl")


def test_batch_that_is_sent_again_is_the_same_file(tmp_path: Path) -> None:
    folder = Folder(urlsplit(tmp_path.as_uri()))
    folder.send([b"1\n"])
    folder.send([b"1\n"])
    folder.send([b"2\n"])

    assert len(list(tmp_path.iterdir())) == 2


def test_file_is_hidden_until_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    sync = os.fsync

    def look_and_sync(descriptor: int) -> None:
        seen.extend(path.name[0] for path in tmp_path.iterdir())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", look_and_sync)
    Folder(urlsplit(tmp_path.as_uri())).send([b"1\n"])

    assert seen == [".", "2"]


def test_folder_that_can_not_be_written_is_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = Folder(urlsplit((tmp_path / "file" / "below").as_uri()))

    with pytest.raises(Unavailable, match="Not a directory"):
        folder.send([b"1\n"])
