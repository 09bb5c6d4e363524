"""d: hourly buckets over HTTP, against a handler of the same server that does nothing.

wrk (Debian's package) generates the load over keep-alive connections, each of which
sends its next request once the last is answered. This closed loop measures the latency
of a saturated server, not that at a given request rate. wrk shares the machine's cores
with the service and with Postgres.
"""

import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.bench import Bench
from benchmarks.events import write_events
from benchmarks.measured import NotMeasured, Row, WrongAnswer
from benchmarks.warehouse import ask, empty, load
from event_warehouse.access.key_store import create_key
from event_warehouse.access.keys import Scope
from event_warehouse.processes.environment import warehouse_environment
from event_warehouse.settings import PROJECT, Settings
from event_warehouse.transform.run import transform

SCRIPT = Path(__file__).with_name("api_buckets.lua")
DAYS = 30
SECONDS = 5
WARM_SECONDS = 2
ONE, MANY = 1, 16
"""Connections: for the latency of a single request, and for the highest throughput."""
WORKERS = (1, 2)
START_SECONDS = 60.0
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Load:
    """What wrk measured."""

    requests_per_second: float
    p50: float
    p99: float
    """Milliseconds."""


def api(bench: Bench) -> Iterator[Row]:
    """d: over one connection and over many, with each number of server processes."""
    if shutil.which("wrk") is None:
        raise NotMeasured("wrk is not installed; on Debian: apt-get install wrk")
    settings = _with_events(bench)
    key = create_key(settings, tenant=None, scopes=list(Scope))
    for workers in WORKERS:
        with _serving(settings, workers) as url:
            _check(settings, url, key)
            yield from _rows(bench, url, key, workers)


def _rows(bench: Bench, url: str, key: str, workers: int) -> Iterator[Row]:
    processes = f"{workers} server process{'es' if workers > 1 else ''}"
    for connections in (ONE, MANY):
        pairs = [
            (_load(url, "/empty", key, connections), _load(url, None, key, connections))
            for _ in range(bench.pairs)
        ]
        empties, buckets = zip(*pairs, strict=True)
        more = [ours.p50 - none.p50 for none, ours in pairs]
        p50, p99 = _median(buckets, "p50"), _median(buckets, "p99")
        rate = _median(buckets, "requests_per_second")
        told = (
            f"p50 {p50:.2f} against {_median(empties, 'p50'):.2f} ms, pairs "
            f"{min(more):.2f} to {max(more):.2f} ms more; p99 {p99:.1f} against "
            f"{_median(empties, 'p99'):.1f} ms; {rate:,.0f} against "
            f"{_median(empties, 'requests_per_second'):,.0f} requests/s"
        )
        what = f"a day's buckets of a customer; {connections} connections, {processes}"
        if connections == ONE:
            figure = f"p50 {statistics.median(more):.2f} ms more"
            yield Row("d", what, figure, "", "below 1 ms more", told)
        else:
            figure = f"p99 {p99:.1f} ms, {rate:,.0f}/s"
            yield Row("d", what, figure, "p99 below 50 ms", "1,500/s", told)


def _median(loads: tuple[Load, ...], name: str) -> float:
    return float(statistics.median([getattr(load, name) for load in loads]))


def _with_events(bench: Bench) -> Settings:
    file = bench.folder / "api.csv"
    write_events(file, events=bench.events // 5, days=DAYS)
    empty(bench.settings)
    load(bench.settings, file)
    transform(bench.settings)
    return bench.settings


@contextmanager
def _serving(settings: Settings, workers: int) -> Iterator[str]:
    port = _free_port()
    program = [sys.executable, "-m", "benchmarks.api_app", str(workers), str(port)]
    environment = {**os.environ, **warehouse_environment(settings)}
    process = subprocess.Popen(program, cwd=PROJECT, env=environment)
    try:
        _wait(url := f"http://127.0.0.1:{port}", process)
        yield url
    finally:
        # Its workers, too.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(START_SECONDS)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/health").json()["has_postgres"]:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise NotMeasured("the service did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _check(settings: Settings, url: str, key: str) -> None:
    """Raises WrongAnswer unless the buckets add up to a count of the events."""
    answer = httpx.get(
        f"{url}/events/customers/tenant-3/buckets",
        params={"start": "2026-11-01", "end": "2026-12-31", "limit": "10000"},
        headers={"authorization": f"Bearer {key}"},
    ).json()
    counted = sum(bucket["count"] for bucket in answer["buckets"])
    question = "select count(*) from analytics.events where tenant_id = 'tenant-3'"
    if counted != ask(settings, question):
        raise WrongAnswer(f"{counted:,} events were in the buckets")


def _load(url: str, path: str | None, key: str, connections: int) -> Load:
    """The load on one path, or on buckets, after a warm-up that does not count."""
    for seconds in (WARM_SECONDS, SECONDS):
        finished = subprocess.run(
            [
                "wrk",
                *("--threads", "1", "--connections", str(connections)),
                *("--duration", f"{seconds}s", "--latency"),
                *(() if path else ("--script", str(SCRIPT))),
                url + (path or ""),
            ],
            env={**os.environ, "WAREHOUSE_API_KEY": key},
            check=True,
            capture_output=True,
            text=True,
        )
    return read_load(finished.stdout)


def read_load(printed: str) -> Load:
    """Parses wrk's output; raises WrongAnswer if a request failed."""
    if failures := re.search(r"(Non-2xx.*|Socket errors.*)", printed):
        raise WrongAnswer(failures[1])
    rate = re.search(r"Requests/sec: +([\d.]+)", printed)
    percentiles = dict(
        (percent, float(number) * MILLISECONDS[unit])
        for percent, number, unit in re.findall(
            r"(50|99)% +([\d.]+)(us|ms|s)\b", printed
        )
    )
    if rate is None or percentiles.keys() != {"50", "99"}:
        raise WrongAnswer(f"wrk printed {printed!r}")
    return Load(float(rate[1]), percentiles["50"], percentiles["99"])
