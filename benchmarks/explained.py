"""What each model's statements read and wrote, according to auto_explain."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from event_warehouse.settings import Settings

ENTRY = re.compile(r"duration: ([\d.]+) ms  plan:\n((?:\t.*\n)+)")
NODE = re.compile(r'"node_id": "model\.event_warehouse\.(\w+)"')
EXPLAINING: Mapping[LiteralString, LiteralString] = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_wal": "on",
    "auto_explain.log_format": "json",
    # Reading the clock for each row would take longer than the rows themselves.
    "auto_explain.log_timing": "off",
    # A vacuum that starts meanwhile would be measured with the models.
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Cost:
    """The cost of one model's statements, without those that collect statistics."""

    milliseconds: float = 0
    buffers: int = 0
    wal_bytes: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.milliseconds + other.milliseconds,
            self.buffers + other.buffers,
            self.wal_bytes + other.wal_bytes,
        )


@contextmanager
def explained(settings: Settings) -> Iterator[dict[str, Cost]]:
    """Each model's cost within the block; filled at its end."""
    costs: dict[str, Cost] = {}
    log = settings.home / "run" / "postgres.log"
    _set(settings, [f"set {name} = '{value}'" for name, value in EXPLAINING.items()])
    start = log.stat().st_size
    try:
        yield costs
    finally:
        _set(settings, [f"reset {name}" for name in EXPLAINING])
    costs.update(costs_by_model(_text_since(log, start)))


def costs_by_model(log: str) -> Mapping[str, Cost]:
    """The costs in the log's text, by the model that dbt's comment names."""
    costs: dict[str, Cost] = {}
    for duration, lines in ENTRY.findall(log):
        said: dict[str, Any] = json.loads(lines)
        if node := NODE.search(said["Query Text"]):
            cost = _cost(float(duration), said["Plan"])
            costs[node[1]] = costs.get(node[1], Cost()) + cost
    return costs


def _cost(milliseconds: float, plan: Mapping[str, Any]) -> Cost:
    """The counts of the top node, which include those of the nodes below it."""
    return Cost(
        milliseconds,
        plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
        plan["WAL Bytes"],
    )


def _text_since(log: Path, start: int) -> str:
    with open(log, "rb") as stream:
        stream.seek(start)
        return stream.read().decode(errors="replace")


def _set(settings: Settings, changes: Iterable[LiteralString]) -> None:
    """Changes settings of the server, for sessions that start later."""
    with psycopg.connect(settings.embedded_dsn("postgres"), autocommit=True) as admin:
        for change in changes:
            admin.execute(f"alter system {change}")
        admin.execute("select pg_reload_conf()")
