"""e3: sessions and retention, rebuilt from all events, against DuckDB."""

import json
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.bench import Bench
from benchmarks.comparators import ensure_installed
from benchmarks.duckdb_process import asking_duckdb
from benchmarks.measured import Row, WrongAnswer, measure
from benchmarks.shop import (
    EVENTS_FEED,
    check_accounting,
    settings_of_shop,
    shop_events,
)
from benchmarks.warehouse import empty, load
from event_warehouse.database import load_statements
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform

PROGRAM = Path(__file__).with_name("sessions_duckdb.py")
OURS = load_statements("benchmarks", "sessions")
DUCKDB = load_statements("benchmarks", "sessions_duckdb")
DAYS = 28
MODELS = (
    "int_keyed_events",
    "int_new_sessions",
    "fct_sessions",
    "fct_visitor_activity_daily",
    "fct_retention_daily",
    "fct_retention_weekly",
)

Rows = list[tuple[str, ...]]
Answers = Mapping[str, Rows]


def sessions(bench: Bench) -> Iterator[Row]:
    """e3: a full refresh of these models alone, with all events in one batch."""
    python = ensure_installed(bench.comparators)
    events = shop_events(bench, events=bench.events, days=DAYS)
    settings = settings_of_shop(bench.settings)
    empty(settings)
    load(settings, events, EVENTS_FEED)
    transform(settings)
    check_accounting(settings, bench.events)
    ours, others, parts = [], [], _answers(settings)
    statements = bench.folder / "sessions.json"
    statements.write_text(json.dumps(_statements()))
    with asking_duckdb(
        python,
        PROGRAM,
        events,
        statements,
        database=bench.folder / "sessions.duckdb",
    ) as ask_duckdb:
        for _ in range(bench.pairs):
            said = ask_duckdb("again")
            others.append(float(said["seconds"]))
            _check_alike(parts, _texts(said["rows"]))
            refreshed = measure(
                settings.dsn,
                lambda: transform(settings, full_refresh=True, only=MODELS),
            )
            ours.append(refreshed.seconds)
            _check_alike(_answers(settings), parts)
        # Without the batches, which would be built again.
        idle = measure(settings.dsn, lambda: transform(settings, only=MODELS[2:]))
    speeds = sorted(other / our for our, other in zip(ours, others, strict=True))
    our, other = statistics.median(ours), statistics.median(others)
    yield Row(
        "e3",
        "sessions and retention anew; against DuckDB",
        f"{statistics.median(speeds):.2f}x its speed",
        measured=f"{bench.events / our / 1000:.0f} against "
        f"{bench.events / other / 1000:.0f} krow/s ({our:.1f} against {other:.1f} s; "
        f"of ours {idle.seconds:.1f} s are dbt's); "
        f"pairs {speeds[0]:.2f} to {speeds[-1]:.2f}; the same "
        f"{len(parts['daily']):,} days and {len(parts['weekly']):,} weeks of cohorts",
    )


def _answers(settings: Settings) -> Answers:
    with psycopg.connect(settings.dsn) as connection:
        return _texts(
            {name: connection.execute(query).fetchall() for name, query in OURS.items()}
        )


def _texts(answers: Mapping[str, Any]) -> Answers:
    return {
        name: sorted(tuple(map(str, row)) for row in rows)
        for name, rows in answers.items()
    }


def _check_alike(ours: Answers, theirs: Answers) -> None:
    """Raises WrongAnswer if the sides' sessions or visitors differ."""
    for name, rows in ours.items():
        if not rows or rows != theirs[name]:
            differing = sorted(set(rows) ^ set(theirs[name]))
            raise WrongAnswer(f"{name}: {differing[:2]} of {len(differing)} rows")


def _statements() -> dict[str, Any]:
    texts = {name: statement.as_string() for name, statement in DUCKDB.items()}
    return {
        "load": texts["load"],
        "make": [text for name, text in texts.items() if name.startswith("make_")],
        "queries": {name: texts[name] for name in OURS},
    }
