"""What can be said of the embedded Postgres without starting it."""

from pathlib import Path
from types import SimpleNamespace

import psutil  # type: ignore[import-untyped]
import pytest

from event_warehouse.errors import ServiceError
from event_warehouse.processes import embedded
from event_warehouse.settings import read_settings


@pytest.mark.parametrize("name", ["a,b", "it's", 'a"b', "a\\b", "a$b", "a`b"])
def test_folder_that_postgres_would_misread_is_refused(
    name: str, tmp_path: Path
) -> None:
    settings = read_settings({"WAREHOUSE_HOME": str(tmp_path / name)})

    with pytest.raises(ServiceError, match="set WAREHOUSE_HOME to another folder"):
        embedded.ensure_running(settings)


@pytest.mark.parametrize(
    ("limit", "share"),
    [
        ("max\n", 1024),
        (None, 1024),
        ("4294967296\n", 512),
        ("17179869184\n", 1024),
        ("268435456\n", 128),
    ],
)
def test_shared_buffers_are_a_share_of_what_the_container_may_use(
    limit: str | None, share: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = SimpleNamespace(total=8 * 1024**3)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    file = tmp_path / "memory.max"
    if limit is not None:
        file.write_text(limit)
    monkeypatch.setattr(embedded, "CONTAINER_LIMIT", file)

    assert embedded.shared_megabytes() == share
