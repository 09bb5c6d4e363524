"""Run COMMAND... as part of whoever started this, and end with it.

Standard input is a pipe that the starter holds and never writes to. The operating
system closes it when the starter ends, however it ends; then this kills its process
group, as it does on SIGTERM. Without asking first: a run of Airflow goes on after
SIGTERM, and what it writes to Postgres is in transactions. Run as a file, so that it
starts at once: it imports nothing of the package.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence

POLL_SECONDS = 0.2


def main(command: Sequence[str]) -> int:
    """The command's exit code; must lead a process group."""
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    # The command too holds the lock that tells other commands of this group.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)
    while child.poll() is None:
        closed, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
        if closed or asked:
            os.killpg(0, signal.SIGKILL)
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
