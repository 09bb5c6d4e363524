"""What becomes of events when processes end, are killed or fork."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from event_warehouse import Producer
from event_warehouse.settings import PROJECT

if TYPE_CHECKING:
    from tests.integration.producer.conftest import (
        Answer,
        LoopbackServer,
        LoopbackStream,
    )

MakeProducer = Callable[..., Producer]
Run = Callable[..., subprocess.Popen[str]]

TRACK_AND_END = """
import sys
from event_warehouse import track
for n in range(3):
    track("visit", n=n)
"""
TRACK_AND_WAIT = """
import sys, time
from event_warehouse import track
for n in range(1000):
    track("visit", n=n)
time.sleep(0.3)
print("ready", flush=True)
time.sleep(60)
"""
FORK = """
import os, sys
from event_warehouse import track
from event_warehouse.producer import flush
track("visit", who="parent", n=0)
child = os.fork()
who = "parent" if child else "child"
for n in range(1, 1001):
    track("visit", who=who, n=n)
assert flush()
if child:
    assert os.waitpid(child, 0)[1] == 0
else:
    os._exit(0)
"""
FORK_WHILE_SENDING = """
import os, sys, threading
from event_warehouse import track
def work():
    for n in range(2000):
        track("visit", who="parent", n=n)
thread = threading.Thread(target=work)
thread.start()
for child in range(20):
    if os.fork() == 0:
        track("visit", who="child", n=child)
        sys.exit()
for child in range(20):
    assert os.wait()[1] == 0
thread.join()
"""
FORK_WHILE_IMPORTING = """
import os, sys, time
from event_warehouse import track
from event_warehouse.producer import flush
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "urllib3":
            time.sleep(0.5)
sys.meta_path.insert(0, Slow())
track("visit", n=0)
flush(timeout=0.2)
if os.fork() == 0:
    track("visit", n=1)
    os._exit(0 if flush() else 1)
assert os.wait()[1] == 0
"""
MULTIPROCESSING = """
import multiprocessing
from event_warehouse import track
def work(n):
    track("visit", n=n)
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    track("visit", n=0)
    processes = [context.Process(target=work, args=(n,)) for n in (1, 2, 3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
"""
TRACK_AT_EXIT = """
import atexit
from event_warehouse import track
atexit.register(lambda: track("visit", n=1))
track("visit", n=0)
"""


@pytest.fixture
def run(service: "LoopbackServer", tmp_path: Path) -> Iterator[Run]:
    """Starts a Python program that tracks events."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, **environment: str) -> subprocess.Popen[str]:
        variables = {
            "PYTHONPATH": str(PROJECT / "plugins"),
            "EVENTS_ENVIRONMENT": "production",
            "EVENTS_DESTINATION": service.url,
            "EVENTS_SPOOL": str(tmp_path / "spool"),
            **environment,
        }
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str]) -> str:
    """What it wrote to its log; it has to end well."""
    _, log = process.communicate(timeout=20)
    assert process.returncode == 0, log
    return log


def waiting(spool: Path) -> list[Any]:
    return [
        json.loads(line)
        for file in sorted(spool.glob("*.jsonl"))
        for line in file.read_text().splitlines()
    ]


def numbers(service: "LoopbackServer") -> list[int]:
    return [event["data"]["n"] for event in service.events]


def test_process_that_ends_sends_what_it_has(
    service: "LoopbackServer", run: Run, tmp_path: Path
) -> None:
    service.start()

    log = end(run(TRACK_AND_END))

    assert numbers(service) == [0, 1, 2]
    assert not list((tmp_path / "spool").iterdir())
    assert log == ""


def test_process_that_ends_at_once_sends_to_a_stream(
    stream: "LoopbackStream", run: Run
) -> None:
    end(run(TRACK_AND_END, EVENTS_DESTINATION=stream.destination))

    assert len(stream.records) == 3


def test_what_an_ended_process_could_not_send_the_next_one_sends(
    service: "LoopbackServer", run: Run, tmp_path: Path, make_producer: MakeProducer
) -> None:
    log = end(run(TRACK_AND_END))
    assert [event["n"] for event in waiting(tmp_path / "spool")] == [0, 1, 2]
    assert "wait in the spool" in log

    service.start()
    producer = make_producer()
    producer.track("visit", n=3)

    assert producer.flush()
    assert numbers(service) == [0, 1, 2, 3]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_had_the_next_one_sends(
    service: "LoopbackServer",
    run: Run,
    make_producer: MakeProducer,
    number: signal.Signals,
) -> None:
    process = run(TRACK_AND_WAIT)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    process.wait()

    service.start()

    assert make_producer().flush()
    assert numbers(service) == list(range(1000))


def test_process_killed_while_it_sends_leaves_the_batch_to_the_next_one(
    service: "LoopbackServer",
    run: Run,
    make_producer: MakeProducer,
    answer: "type[Answer]",
) -> None:
    service.answers.append(answer(hangs=True))
    service.start()
    process = run(TRACK_AND_WAIT)
    while not service.requests:
        time.sleep(0.01)
    process.kill()
    process.wait()

    assert make_producer().flush()

    assert sorted(set(numbers(service))) == list(range(1000))
    assert service.requests[0].key in {request.key for request in service.requests[1:]}


def test_processes_that_share_a_spool_send_each_batch_once(
    service: "LoopbackServer", run: Run, make_producer: MakeProducer
) -> None:
    for process in [run(TRACK_AND_WAIT) for _ in range(3)]:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.kill()
        process.wait()
    service.start()
    producers = [make_producer() for _ in range(4)]

    assert all([producer.flush() for producer in producers])

    assert Counter(numbers(service)) == Counter(list(range(1000)) * 3)
    assert len({event["event_id"] for event in service.events}) == 3000


def test_forked_child_and_its_parent_each_send_their_own(
    service: "LoopbackServer", run: Run
) -> None:
    service.start()

    end(run(FORK))

    sent = [(event["data"]["who"], event["data"]["n"]) for event in service.events]
    parent = [("parent", n) for n in range(1001)]
    child = [("child", n) for n in range(1, 1001)]
    assert sorted(sent) == child + parent


def test_fork_at_any_moment_loses_nothing_and_sends_nothing_twice(
    service: "LoopbackServer", run: Run, tmp_path: Path
) -> None:
    service.start()

    end(run(FORK_WHILE_SENDING))

    sent = Counter(
        (event["data"]["who"], event["data"]["n"]) for event in service.events
    )
    expected = [("parent", n) for n in range(2000)] + [("child", n) for n in range(20)]
    assert sent == Counter(expected)
    assert not list((tmp_path / "spool").iterdir())


def test_child_forked_while_the_client_is_imported_can_import_it(
    service: "LoopbackServer", run: Run
) -> None:
    service.start()

    end(run(FORK_WHILE_IMPORTING))

    assert sorted(numbers(service)) == [0, 1]


def test_children_of_multiprocessing_send_what_they_have(
    service: "LoopbackServer", run: Run
) -> None:
    service.start()

    end(run(MULTIPROCESSING))

    assert sorted(numbers(service)) == [0, 1, 2, 3]


def test_event_tracked_at_the_very_end_waits_for_the_next_process(
    service: "LoopbackServer", run: Run, tmp_path: Path
) -> None:
    service.start()

    end(run(TRACK_AT_EXIT))

    assert numbers(service) == [0]
    [file] = (tmp_path / "spool").iterdir()
    assert json.loads(file.read_text())["n"] == 1
