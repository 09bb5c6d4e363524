"""DuckDB in a process of its own, as it is installed in another environment.

Questions and answers are lines of JSON; its first line says that it has the events.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measured import NotMeasured

Ask = Callable[[object], Any]


@contextmanager
def asking_duckdb(
    python: Path, program: Path, *files: Path, database: Path
) -> Iterator[Ask]:
    """Asks a program that has loaded the files.

    Raises NotMeasured if it has ended. Its database is deleted at the end.
    """
    with subprocess.Popen(
        [python, program, *files, database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _said(process)
            yield lambda question: _asked(process, question)
        finally:
            process.kill()
    database.unlink(missing_ok=True)


def _asked(process: subprocess.Popen[str], question: object) -> Any:
    assert process.stdin
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    return _said(process)


def _said(process: subprocess.Popen[str]) -> Any:
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise NotMeasured("DuckDB's process has ended; its error stands above")
    return json.loads(line)
