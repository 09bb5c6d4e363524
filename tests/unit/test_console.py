"""The console script where only the producer is installed."""

import subprocess
import sys

from event_warehouse.settings import PROJECT

RUN = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from event_warehouse.console import main
main()
"""


def test_without_its_requirements_the_command_says_what_to_install() -> None:
    # Without site-packages, as in an environment that has only the producer.
    finished = subprocess.run(
        [sys.executable, "-I", "-S", "-c", RUN, str(PROJECT / "plugins"), "status"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 1
    assert finished.stderr.startswith("warehouse: the package click is not installed;")
    assert finished.stderr.count("\n") == 1
