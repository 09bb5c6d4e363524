"""Loads one file in a process of its own; prints the result as JSON.

load_alone.py <folder of the benchmark> <file> <feed>
"""

import json
import re
import resource
import sys
from pathlib import Path

from benchmarks.warehouse import settings_of
from event_warehouse.load.files import load_new_files

MOST_BYTES = 6 * 1024**3
"""Of address space, so that a loader that needs more fails instead of the machine."""


def main() -> None:
    """Load it, and print the peak of the memory that it took."""
    folder, file, feed = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    summary = load_new_files(settings_of(Path(folder)), source=file, feed=feed)
    print(
        json.dumps(
            {
                "peak_bytes": peak_bytes(),
                "rows": summary.rows,
                "rejected_lines": summary.rejected_lines,
                "failed": summary.failed,
            }
        )
    )


def peak_bytes() -> int:
    """This process's peak resident memory since it was started.

    Not from getrusage, whose figure is at least that of the parent process.
    """
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kilobytes) * 1024


if __name__ == "__main__":
    main()
