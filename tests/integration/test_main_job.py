"""The main job as `make run` calls it, with the real Airflow."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from event_warehouse.processes import embedded
from event_warehouse.settings import PROJECT, Settings, read_settings
from tests.waiting import wait_until

PROGRAMS = Path(sys.executable).parent
SAMPLE = ["--sample-events", "30000", "--sample-seed", "7"]
SAMPLE_FILES = 14
GITHUB_HOUR = PROJECT.parent / "shared" / "data" / "gharchive-2015-01-01-12.json.gz"
TABLES = {
    "raw.events_raw": ["load_id", "received_at"],
    "raw.rejected_lines": ["load_id", "received_at"],
    "analytics.events": ["apply_id", "load_id", "received_at"],
    "analytics.rejected_events": ["apply_id", "load_id", "received_at"],
    "analytics.duplicate_events": [
        "apply_id",
        "load_id",
        "received_at",
        "kept_load_id",
    ],
    "analytics.fct_entity_activity_daily": ["entity_key", "event_type_key", "user_key"],
    "analytics.rollup_events_5min": ["event_type_key", "country_key", "browser_key"],
    "analytics.rollup_events_1hr": ["event_type_key", "country_key", "browser_key"],
    "marts.tenant_events_hourly": [],
    "marts.most_active_users_daily": [],
    "marts.most_active_entities_daily": [],
    "marts.funnels": [],
}
"""The tables that two warehouses of the same events share, and each one's columns that
only say when and in which order something was loaded."""
DIMENSIONS = {
    "entity_key": ("dim_entities", "entity_id"),
    "event_type_key": ("dim_event_types", "event_type"),
    "user_key": ("dim_users", "user_id"),
    "country_key": ("dim_countries", "country"),
    "browser_key": ("dim_browsers", "browser"),
}
"""Where a key, which has the order of loading, is told by its name."""

Process = subprocess.Popen[str]


@dataclass(frozen=True)
class Project:
    """A copy of the project, and what its first run of the main job left."""

    folder: Path
    output: str
    was_stopped: bool

    @property
    def settings(self) -> Settings:
        return settings_of(self.folder)


def settings_of(project: Path) -> Settings:
    return read_settings({"WAREHOUSE_HOME": str(project / ".warehouse")})


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    """A project with nothing set, in a folder that a URI can't have as it is."""
    with tempfile.TemporaryDirectory(prefix="events-", dir="/tmp") as place:
        folder = Path(place) / "my %home"
        leave_out = shutil.ignore_patterns("target", "logs", "__pycache__")
        for name in ("dags", "dbt_project", "plugins"):
            shutil.copytree(PROJECT / name, folder / name, ignore=leave_out)
        for declared in ("feeds.yml", "funnels.yml"):
            shutil.copy(PROJECT / declared, folder)
        settings = settings_of(folder)
        try:
            code, output = in_project(folder, "warehouse", "run", *SAMPLE)
            assert code == 0, output
            yield Project(folder, output, not embedded.is_running(settings))
        finally:
            embedded.stop(settings)


def unset_environment() -> dict[str, str]:
    """The environment without a setting: those of the DAGs' tests are still there."""
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("WAREHOUSE_", "AIRFLOW"))
    }


def in_project(
    project: Path, program: str, *arguments: str, below: str = ""
) -> tuple[int, str]:
    """The exit code and output of a command that knows that project and no other."""
    folder = project / below
    plugins = str(project / "plugins")
    finished = subprocess.run(
        [PROGRAMS / program, *arguments],
        cwd=folder,
        # As a shell's cd does it: by PWD the profile finds the socket.
        env={**unset_environment(), "PYTHONPATH": plugins, "PWD": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return finished.returncode, finished.stdout


@pytest.fixture
def home() -> Iterator[Settings]:
    """An empty home, whose server is stopped in the end."""
    # Not below pytest's own folder: a socket's path has to be short.
    with tempfile.TemporaryDirectory(prefix="events-", dir="/tmp") as folder:
        settings = read_settings({"WAREHOUSE_HOME": str(Path(folder) / "home")})
        yield settings
        embedded.stop(settings)


def command(settings: Settings, *arguments: str, **environment: str) -> Process:
    return subprocess.Popen(
        [PROGRAMS / "warehouse", *arguments],
        env={
            **unset_environment(),
            "WAREHOUSE_HOME": str(settings.home),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(settings: Settings, *arguments: str, **environment: str) -> tuple[int, str]:
    """The exit code and all that was printed."""
    process = command(settings, "run", *arguments, **environment)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def contents(settings: Settings) -> dict[str, object]:
    """A checksum of each table's rows, whatever their order."""
    embedded.ensure_running(settings)
    with psycopg.connect(settings.dsn) as connection:
        return {
            table: connection.execute(checksum(table), (left_out,)).fetchone()
            for table, left_out in TABLES.items()
        }


def checksum(table: str) -> sql.SQL:
    dimensions = [DIMENSIONS[key] for key in TABLES[table] if key in DIMENSIONS]
    names = "".join(f", {dimension}.{name}" for dimension, name in dimensions)
    joins = "".join(
        f" left join analytics.{DIMENSIONS[key][0]} using ({key})"
        for key in TABLES[table]
        if key in DIMENSIONS
    )
    return sql.SQL(
        f"""
        select count(*), sum(hashtextextended(
            (to_jsonb(named) - %s::text[])::text, 0
        )::numeric)
        from (select found.*{names} from {table} as found{joins}) as named
        """
    )


# The same again -------------------------------------------------------------------


def test_second_run_prints_the_same_dashboards(project: Project) -> None:
    code, output = in_project(project.folder, "warehouse", "run", *SAMPLE)

    assert code == 0, output
    assert "loaded 0 files" in output
    assert dashboards(output) == dashboards(project.output)
    assert "acme: most active users" in dashboards(output)


def dashboards(output: str) -> str:
    _, title, rest = output.partition("Events per tenant")
    assert title, output
    return title + rest


def test_postgres_that_was_started_for_the_run_is_stopped_after_it(
    project: Project,
) -> None:
    assert project.was_stopped


def test_killed_in_the_middle_of_a_load_and_run_again_equals_an_undisturbed_run(
    project: Project, home: Settings
) -> None:
    shutil.copytree(project.settings.home / "samples", home.home / "samples")

    process = command(home, "run", *SAMPLE)
    wait_until(
        lambda: process.poll() is not None or 0 < count_loads(home) < SAMPLE_FILES,
        seconds=300,
    )
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    loaded_before = count_loads(home)
    assert 0 < loaded_before < SAMPLE_FILES, "the kill came too early or too late"
    code, output = run(home, *SAMPLE)

    assert code == 0, output
    assert contents(home) == contents(project.settings)


def count_loads(settings: Settings) -> int:
    try:
        with psycopg.connect(settings.dsn) as connection:
            row = connection.execute("select count(*) from raw.loads").fetchone()
    except psycopg.Error:
        return 0
    return row[0] if row else 0


# dbt by itself --------------------------------------------------------------------


def test_dbt_build_starts_what_it_needs_and_all_of_its_tests_pass(
    project: Project,
) -> None:
    embedded.stop(project.settings)

    code, output = in_project(project.folder, "dbt", "build", below="dbt_project")

    assert code == 0, output
    assert " ERROR=0 " in output
    target = project.folder / "dbt_project" / "target"
    results = json.loads((target / "run_results.json").read_text())
    tests = [
        result["status"]
        for result in results["results"]
        if result["unique_id"].startswith("test.")
    ]
    assert len(tests) > 100
    assert set(tests) == {"pass"}


def test_dbt_build_makes_a_new_warehouse(home: Settings, tmp_path: Path) -> None:
    # Unit tests that read the columns of their model's table come before it.
    finished = subprocess.run(
        [
            PROGRAMS / "dbt",
            *("--log-path", str(tmp_path)),
            "build",
            *("--exclude-resource-type", "test"),
            *("--target-path", str(tmp_path)),
        ],
        cwd=PROJECT / "dbt_project",
        env={**unset_environment(), "WAREHOUSE_HOME": str(home.home)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout
    with psycopg.connect(home.dsn) as connection:
        kinds = connection.execute(
            "select distinct relkind::text from pg_class where oid in"
            " ('analytics.events'::regclass, 'analytics.fct_sessions'::regclass)"
        ).fetchall()
    assert sorted(kinds) == [("p",), ("r",)]


# Mistakes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--events", "/no/such/file", "--feed", "gharchive"],
            "/no/such/file: no such",
        ),
        (["--events", "/", "--feed", "nope"], "there is no feed 'nope'; declared are"),
        (
            ["--events", "/"],
            "say which feed / belongs to: FEED=... or --feed; declared are",
        ),
        (
            ["--events", "https://ada:secret@example.org/x"],
            "say which feed the file at that address belongs to: FEED=... or --feed;",
        ),
        (
            ["--feed", "gharchive"],
            "say which file, folder or address of feed gharchive to load: EVENTS=...",
        ),
    ],
)
def test_a_mistake_in_the_call_is_told_in_one_line_before_anything_starts(
    home: Settings, arguments: list[str], message: str
) -> None:
    code, output = run(home, *arguments)

    assert code == 1
    assert output.startswith(f"warehouse: {message}")
    assert output.count("\n") == 1
    assert not home.home.exists()


@pytest.mark.parametrize("option", ["--sample-events", "--sample-seed"])
def test_sample_of_less_than_nothing_is_refused_by_its_option(
    home: Settings, option: str
) -> None:
    code, output = run(home, f"{option}=-1")

    assert code == 2
    assert f"Invalid value for '{option}': -1 is not in the range x>=0." in output
    assert not home.home.exists()


def test_sample_does_not_go_into_a_server_that_somebody_names(home: Settings) -> None:
    code, output = run(home, WAREHOUSE_DSN="postgresql://ada@db.example/events")

    assert code == 1
    assert output.startswith("warehouse: a sample of made-up events would go into the")
    assert output.count("\n") == 1
    assert not home.home.exists()


def test_an_hour_of_github_events_is_accounted_for_to_the_last_line(
    project: Project, tmp_path: Path
) -> None:
    file = GITHUB_HOUR
    if not file.exists():
        file = tmp_path / "hour.json.gz"
        write_hour_like_githubs(file)
    with gzip.open(file) as stream:
        lines = sum(1 for _ in stream)

    settings = project.settings

    code, output = run(settings, "--events", str(file), "--feed", "gharchive")

    assert code == 0, output
    embedded.ensure_running(settings)
    with psycopg.connect(settings.dsn) as connection:
        account = connection.execute(
            """
            select record_count, raw_row_count + rejected_line_count,
                event_count + rejected_event_count + duplicate_event_count, status
            from marts.accounting where feed = 'gharchive'
            """
        ).fetchall()
    assert account == [(lines, lines, lines, "balanced")]


def write_hour_like_githubs(file: Path) -> None:
    """Events in the shape that GH Archive publishes."""
    event = (
        '{"id":"%d","type":"PushEvent","actor":{"id":%d,"login":"user-%d"},'
        '"repo":{"id":%d,"name":"owner/repo-%d"},"payload":{"size":1},"public":true,'
        '"created_at":"2015-01-01T12:%02d:%02dZ"}\n'
    )
    with gzip.open(file, "wt") as stream:
        for n in range(8273):
            second = n * 3600 // 8273
            stream.write(
                event
                % (n, n % 900, n % 900, n % 700, n % 700, second // 60, second % 60)
            )


# The last, as what failed keeps failing until it is dismissed.
def test_bad_files_end_in_a_line_each_and_exit_code_1_and_the_good_are_loaded(
    project: Project, tmp_path: Path
) -> None:
    settings = project.settings
    header = "customer_id,event_type,transaction_id,timestamp\n"
    good = header + "c1,click,t1,2026-01-01T00:30:00+01:00\n"
    (tmp_path / "good.csv").write_text(good)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "other.csv").write_text('{"id": 1}\n')
    (tmp_path / "torn.csv.gz").write_bytes(gzip.compress(good.encode() * 99)[:-9])
    embedded.ensure_running(settings)
    loads_before = count_loads(settings)

    code, output = run(settings, "--events", str(tmp_path), "--feed", "customer_events")

    assert code == 1
    assert "empty.csv as feed customer_events failed: is empty" in output
    assert "other.csv as feed customer_events failed: line 1, the header" in output
    assert "torn.csv.gz as feed customer_events failed: its gzip compression" in output
    # Several loaders share the files: they fail in any order.
    told = [line for line in output.split("\n") if "warehouse dismiss" in line][-3:]
    empty, other, torn = sorted(told, key=lambda line: line.rpartition("/")[2])
    for line, name in (
        (empty, "empty.csv"),
        (other, "other.csv"),
        (torn, "torn.csv.gz"),
    ):
        assert name in line
        assert "run: warehouse dismiss" in line
    # Each where it happened, and once more where the job ends.
    assert output.count("empty.csv") == 2
    assert "  not everything is accounted for:\n" in output
    assert "2025-12-31 23:00" in output  # The good file's hour, in UTC.
    embedded.ensure_running(settings)
    assert count_loads(settings) == loads_before + 4
