"""The command `warehouse`, called as a person calls it: what it says, how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings, read_settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query

WAREHOUSE = Path(sys.executable).with_name("warehouse")
HEADER = "customer_id,event_type,transaction_id,timestamp\n"
ONE = HEADER + "1,visit,a,2025-01-01T10:00:00Z\n"


@pytest.fixture
def warehouse_with_files(warehouse: Settings, land: Land) -> Settings:
    """A warehouse with one good file in its landing folder."""
    land(warehouse, "customer_events/good.csv", ONE)
    return warehouse


def warehouse(settings: Settings, *arguments: str) -> tuple[int, str]:
    """The exit code and all that was printed."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "WAREHOUSE_HOME": str(settings.home),
        "WAREHOUSE_DSN": settings.external_dsn or "",
    }
    finished = subprocess.run(
        [WAREHOUSE, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return finished.returncode, finished.stdout


def last_line(output: str) -> str:
    return output.rstrip("\n").rpartition("\n")[2]


# Load -----------------------------------------------------------------------------


def test_load_says_what_it_did(warehouse_with_files: Settings, query: Query) -> None:
    code, output = warehouse(warehouse_with_files, "load")

    assert code == 0, output
    assert last_line(output) == (
        "loaded 1 file (1 row, 0 rejected lines), 0 already loaded, 0 failed"
    )
    assert query(warehouse_with_files, "select status from raw.loads") == [("loaded",)]


def test_load_of_a_bad_file_ends_with_1_and_has_loaded_the_others(
    warehouse_with_files: Settings, land: Land, query: Query
) -> None:
    land(warehouse_with_files, "customer_events/bad.csv", "")

    code, output = warehouse(warehouse_with_files, "load")

    assert code == 1
    assert "bad.csv as feed customer_events was not loaded: is empty" in output
    assert last_line(output) == (
        "warehouse: 1 file could not be loaded; the lines above say why"
    )
    statuses = "select status from raw.loads order by 1"
    assert query(warehouse_with_files, statuses) == [("failed",), ("loaded",)]


def test_load_of_a_file_of_no_feed_is_refused(
    warehouse_with_files: Settings,
) -> None:
    code, output = warehouse(warehouse_with_files, "load", "/some/file.csv")

    assert code == 1
    assert output.startswith(
        "warehouse: say which feed /some/file.csv belongs to: FEED=..."
    )
    assert output.count("\n") == 1


# Verify and dismiss ---------------------------------------------------------------


def test_verify_of_what_is_all_accounted_for_ends_with_0(
    built_warehouse: Settings, land: Land
) -> None:
    land(built_warehouse, "customer_events/good.csv", ONE)
    load_new_files(built_warehouse)
    transform(built_warehouse)

    code, output = warehouse(built_warehouse, "verify")

    assert code == 0, output
    assert "✓ records = raw rows + rejected lines" in output


def test_verify_ends_with_1_until_a_failed_file_is_dismissed(
    built_warehouse: Settings, land: Land
) -> None:
    path = land(built_warehouse, "customer_events/bad.csv", "")
    load_new_files(built_warehouse)
    transform(built_warehouse)

    code, output = warehouse(built_warehouse, "verify")
    assert code == 1
    problem = last_line(output)
    assert problem.startswith(f"✗ {path.as_uri()} as feed customer_events failed: ")
    assert problem.endswith("run: warehouse dismiss 1")

    assert warehouse(built_warehouse, "dismiss", "1") == (
        0,
        f"dismissed {path.as_uri()}\n",
    )
    code, output = warehouse(built_warehouse, "verify")
    assert code == 0, output


def test_verify_before_the_first_transform_says_what_to_run(
    warehouse_with_files: Settings,
) -> None:
    assert warehouse(warehouse_with_files, "verify") == (
        1,
        "warehouse: nothing is transformed yet; run: warehouse transform\n",
    )


def test_dismiss_of_what_has_not_failed_is_refused(
    warehouse_with_files: Settings,
) -> None:
    assert warehouse(warehouse_with_files, "dismiss", "7") == (
        1,
        "warehouse: load 7 is not a failed one\n",
    )


# Status ---------------------------------------------------------------------------


def test_status_says_what_each_feed_has_had(warehouse_with_files: Settings) -> None:
    load_new_files(warehouse_with_files)

    code, output = warehouse(warehouse_with_files, "status")

    assert code == 0, output
    assert output.startswith("Airflow            is stopped\n")
    assert "files loaded" in output
    assert "customer_events" in output


def test_status_of_what_is_stopped_starts_nothing(tmp_path: Path) -> None:
    settings = read_settings({"WAREHOUSE_HOME": str(tmp_path / "home")})

    assert warehouse(settings, "status") == (0, "embedded Postgres  is stopped\n")
    assert not settings.home.exists()


# Errors that are nobody's program's -----------------------------------------------


def test_server_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    dsn = f"postgresql://ada@/events?host={tmp_path}"
    settings = read_settings({"WAREHOUSE_HOME": str(tmp_path), "WAREHOUSE_DSN": dsn})

    code, output = warehouse(settings, "verify")

    assert code == 1
    assert output.startswith("warehouse: Postgres can't be reached: ")
    assert output.count("\n") == 1


def test_what_postgres_refuses_of_a_migration_is_told_in_one_line(
    empty_dsn: str, tmp_path: Path
) -> None:
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("revoke create on database empty from warehouse")
    values = {"WAREHOUSE_HOME": str(tmp_path), "WAREHOUSE_DSN": empty_dsn}

    assert warehouse(read_settings(values), "migrate") == (
        1,
        "warehouse: Postgres: permission denied for database empty (SQLSTATE 42501)\n",
    )


def test_folder_that_can_t_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = read_settings({"WAREHOUSE_HOME": str(tmp_path / "file" / "home")})

    assert warehouse(settings, "dsn") == (
        1,
        f"warehouse: {settings.home}: Not a directory\n",
    )
