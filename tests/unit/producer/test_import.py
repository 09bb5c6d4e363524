"""Sending events asks for little, and not sending them for nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from event_warehouse.settings import PROJECT

# Fails for whatever is neither Python's own nor the package's nor allowed.
ONLY = """
import sys
class Guard:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in {*sys.stdlib_module_names, "event_warehouse", *ALLOWED}:
            raise ImportError(f"{name} must not be imported")
sys.meta_path.insert(0, Guard())
"""
SENDING = """
from event_warehouse import Producer, track
track("visit", user_id="ada")
with Producer(sys.argv[1], environment="production", spool=sys.argv[2]) as producer:
    producer.track("visit", user_id="ada")
"""
CONFIGURING = """
from event_warehouse import Producer
Producer(sys.argv[1], environment="production")
"""


def run(program: str, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "plugins")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
    ).stdout


def test_importing_the_package_does_not_import_the_producer() -> None:
    found = run(
        "import sys, event_warehouse\n"
        "print([n for n in sys.modules if 'producer' in n or n == 'json'])"
    )

    assert found == "[]\n"


def test_events_are_sent_to_a_folder_with_python_s_library_alone(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    run("ALLOWED = {}\n" + ONLY + SENDING, out.as_uri(), str(tmp_path / "spool"))

    [file] = out.iterdir()
    assert file.read_text().count('"ada"') == 1


@pytest.mark.parametrize(
    ("destination", "allowed"),
    [("https://localhost/events", ["urllib3"]), ("firehose://events", ["botocore"])],
)
def test_destination_needs_one_library_and_does_not_import_it_beforehand(
    destination: str, allowed: list[str]
) -> None:
    program = f"ALLOWED = {allowed}\n{ONLY}{CONFIGURING}"
    found = run(
        program + "print({'botocore', 'urllib3'} & {*sys.modules})", destination
    )

    assert found == "set()\n"


def test_package_has_no_other_names() -> None:
    import event_warehouse

    with pytest.raises(AttributeError, match="no attribute 'tracks'"):
        _ = event_warehouse.tracks  # type: ignore[attr-defined]
