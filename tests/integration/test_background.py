"""Programs in the background are found and ended, whatever became of them."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from event_warehouse.processes import background

SLEEP = "import time; print('ready', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
WITH_CHILD = f"""
import os
if os.fork() == 0:
    os.setpgid(0, 0)
{SLEEP}
"""


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[Path]:
    lock = tmp_path / "program.lock"
    yield lock
    background.end(lock, patience=0)


def start(lock: Path, program: str) -> int:
    """The process id of a Python program that runs in the background."""
    log = lock.with_suffix(".log")
    with background.claim(lock) as claimed:
        assert claimed is not None
        background.start(
            [sys.executable, "-c", program],
            claimed=claimed,
            environment=os.environ,
            log=log,
        )
    while "ready" not in log.read_text():
        time.sleep(0.01)
    leader = background.leader(lock)
    assert leader is not None
    return leader


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_what_was_never_started_does_not_run(lock: Path) -> None:
    assert not background.is_running(lock)
    assert not background.end(lock, patience=1)


def test_a_program_runs_once_until_it_is_ended(lock: Path) -> None:
    pid = start(lock, SLEEP)
    assert background.is_running(lock)
    with background.claim(lock) as claimed:
        assert claimed is None
    assert background.end(lock, patience=5)
    assert not is_alive(pid)
    assert not background.end(lock, patience=5)


def test_a_program_that_does_not_listen_is_killed(
    lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "FORCE_SECONDS", 0.3)
    pid = start(lock, DEAF)
    assert background.end(lock, patience=0.1)
    assert not is_alive(pid)


def test_children_in_groups_of_their_own_are_ended_too(lock: Path) -> None:
    pid = start(lock, WITH_CHILD)
    (child,) = psutil.Process(pid).children()
    assert background.end(lock, patience=0.1)
    assert not is_alive(pid)
    assert not is_alive(child.pid)


def test_what_a_killed_leader_leaves_is_found_and_ended(lock: Path) -> None:
    pid = start(lock, WITH_CHILD)
    (child,) = psutil.Process(pid).children()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not background.is_running(lock)
    assert background.end(lock, patience=0.1)
    assert not is_alive(child.pid)


def test_the_number_of_a_program_that_ended_is_not_trusted(lock: Path) -> None:
    lock.write_text(str(os.getpid()))
    assert background.leader(lock) is None
    assert not background.end(lock, patience=1)
