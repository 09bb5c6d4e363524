"""Programs that run in the background, found and stopped by later commands.

Each runs in its own session and holds a lock on a file with its leader's process id.
The operating system releases the lock with the last process that holds it, so neither a
crash nor a reused process id makes a program look alive.
"""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import psutil  # type: ignore[import-untyped]

from event_warehouse.errors import ServiceError

PROBE_SECONDS = 0.2
"""Another command's `leader` may hold the lock for an instant."""
POLL_SECONDS = 0.1
FORCE_SECONDS = 5.0
APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND


@contextmanager
def claim(file: Path) -> Iterator[TextIO | None]:
    """The file, locked for the program about to start; None if one is running."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a+") as claimed:
        if not _poll(lambda: _lock(claimed, fcntl.LOCK_EX), PROBE_SECONDS):
            yield None
            return
        claimed.truncate(0)
        yield claimed


def record_leader(claimed: TextIO, pid: int) -> None:
    """Tell other commands which process leads the claimed program."""
    claimed.write(str(pid))
    claimed.flush()


def start(
    command: Sequence[str],
    *,
    claimed: TextIO,
    environment: Mapping[str, str],
    log: Path,
) -> None:
    """Start a program that outlives this process; its output is added to `log`."""
    os.set_inheritable(claimed.fileno(), True)
    # Not Popen, which warns if nobody waits for the process.
    pid = os.posix_spawn(
        command[0],
        list(command),
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, APPENDING, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    record_leader(claimed, pid)


def is_running(file: Path) -> bool:
    """True if the program's leader is alive; what outlives it does no work."""
    pid = leader(file)
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def leader(file: Path) -> int | None:
    """The process id of the leader of whatever holds the lock; None if nothing does."""
    if not file.exists():
        return None
    with open(file) as probe:
        if _lock(probe, fcntl.LOCK_SH):
            return None
        pid = probe.read()
    if not pid:
        raise ServiceError(f"{file.stem} is just being started; try again in a moment")
    return int(pid)


def end(file: Path, *, patience: float) -> bool:
    """True if the program was running; it is killed if still there after `patience` s.

    Ends every process of its session. Raises ServiceError if that fails.
    """
    pid = leader(file)
    if pid is None:
        return False
    _signal([pid], signal.SIGTERM)
    if not _poll(lambda: leader(file) is None, patience):
        _signal(_session(pid), signal.SIGTERM)
        _poll(lambda: leader(file) is None, FORCE_SECONDS)
    _signal(_session(pid), signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    if not _poll(lambda: leader(file) is None, FORCE_SECONDS):
        raise ServiceError(
            f"{file.stem} (process {pid}) does not end; end it with: kill -9 {pid}"
        )
    return True


def _lock(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _poll(is_done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _session(leader: int) -> list[int]:
    """Airflow's tasks lead process groups of their own, but stay in the session."""
    members = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == leader:
                members.append(pid)
    return members


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
