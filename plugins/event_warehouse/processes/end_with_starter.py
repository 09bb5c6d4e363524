"""Run COMMAND..., and kill it when the process that started this ends.

Standard input is a pipe that the starter holds and never writes to. The operating
system closes it when the starter ends, for whatever reason; then, or on SIGTERM, this
kills its process group. It sends no SIGTERM first, as a run of Airflow would continue;
what that writes to Postgres is in transactions. This is run as a file and imports
nothing of the package, so that it starts at once.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence

POLL_SECONDS = 0.2


def main(command: Sequence[str]) -> int:
    """The command's exit code; this process must lead a process group."""
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    # The command inherits the lock by which other commands find this group.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)
    while child.poll() is None:
        closed, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
        if closed or asked:
            os.killpg(0, signal.SIGKILL)
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
