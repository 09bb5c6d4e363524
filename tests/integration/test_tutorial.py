"""The tutorial's commands do what the page says, one after the other."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from event_warehouse.processes import embedded
from event_warehouse.settings import PROJECT, read_settings

PAGE = (PROJECT / "docs" / "tutorial.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PLACE = "/tmp/shop-warehouse"
OF_A_CLONE = ("make setup", "export PATH=")
"""What the tests' own environment has done already."""
MARK = "---- end of block {} ----"


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path, as a socket's may not be long; nothing runs in it in the end."""
    with tempfile.TemporaryDirectory(prefix="shop-", dir="/tmp") as folder:
        home = Path(folder) / "w"
        try:
            yield home
        finally:
            embedded.stop(read_settings({"WAREHOUSE_HOME": str(home)}))


def script(place: Path) -> str:
    """All commands, with a mark after each block."""
    lines = ["set -euo pipefail"]
    for number, (kind, text) in enumerate(BLOCKS):
        if not kind:
            commands = text.replace(PLACE, str(place)).splitlines()
            lines += [line for line in commands if not line.startswith(OF_A_CLONE)]
        lines.append(f"echo '{MARK.format(number)}'")
    return "\n".join(lines)


@pytest.mark.long
def test_every_command_of_the_tutorial_does_what_the_page_says(place: Path) -> None:
    programs = Path(sys.executable).parent
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("WAREHOUSE_", "AIRFLOW", "DBT_"))
    }
    finished = subprocess.run(
        ["bash", "-c", script(place)],
        cwd=PROJECT,
        env=environment | {"PATH": f"{programs}:{environment['PATH']}"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    outputs = re.split(r"---- end of block \d+ ----\n", finished.stdout)
    said = {
        number: text for number, (kind, text) in enumerate(BLOCKS) if kind == "output"
    }
    assert len(said) == 2
    for number, expected in said.items():
        before = outputs[number - 1]
        assert before.startswith(expected), before
    assert not place.exists()
