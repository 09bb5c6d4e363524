"""The model that docs/models.md adds works as the page says; a wrong one is refused."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import PROJECT, Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query

PAGE = (PROJECT / "docs" / "models.md").read_text()
NAME = "fct_country_activity_daily"
HEADER = "customer_id,event_type,transaction_id,timestamp,country\n"

Run = Callable[..., str]


def example(language: str, words: str) -> str:
    """The page's block of this language that has these words in it."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if words in block]
    return str(found)


@pytest.fixture
def project(built_warehouse: Settings, tmp_path: Path) -> Path:
    """A copy of the dbt project with the page's model in it."""
    folder = tmp_path / "dbt_project"
    shutil.copytree(
        PROJECT / "dbt_project", folder, ignore=shutil.ignore_patterns("target")
    )
    (folder / "target").mkdir()
    # Saves dbt from parsing all of it again.
    parsed = built_warehouse.home / "dbt" / "partial_parse.msgpack"
    shutil.copy(parsed, folder / "target")
    core = folder / "models" / "core"
    (core / f"{NAME}.sql").write_text(example("sql", "dim_countries"))
    (core / "_country__models.yml").write_text(example("yaml", "constraints:"))
    (core / "_country__unit_tests.yml").write_text(example("yaml", "unit_tests:"))
    return folder


@pytest.fixture
def run(built_warehouse: Settings, project: Path) -> Run:
    """Runs a command in the project on the warehouse; returns what it printed."""

    def execute(*command: str, returns: int = 0) -> str:
        finished = subprocess.run(
            [str(Path(sys.executable).with_name(command[0])), *command[1:]],
            cwd=project,
            env=os.environ
            | {
                "WAREHOUSE_DSN": built_warehouse.dsn,
                "WAREHOUSE_HOME": str(built_warehouse.home),
            },
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert finished.returncode == returns, finished.stdout + finished.stderr
        return finished.stdout

    return execute


def deliver(settings: Settings, land: Land, name: str, rows: str) -> None:
    land(settings, f"customer_events/{name}.csv", HEADER + rows)
    load_new_files(settings)


def test_model_of_the_page_counts_what_was_there_before_it_and_what_comes_after(
    built_warehouse: Settings, land: Land, query: Query, run: Run
) -> None:
    rows = "acme,sale,1,2025-01-01T10:00:00Z,DE\nacme,sale,2,2025-01-01T11:00:00Z,\n"
    deliver(built_warehouse, land, "1", rows)
    transform(built_warehouse)

    run("dbt", "build", "--select", f"+{NAME}", "--exclude-resource-type", "test")
    deliver(built_warehouse, land, "2", "acme,sale,3,2025-01-01T12:00:00Z,DE\n")
    run("dbt", "build", "--select", f"+{NAME}", "--exclude-resource-type", "test")
    tested = run("dbt", "test", "--select", NAME)

    assert query(
        built_warehouse,
        "select tenant_id, event_date::text, country, event_count"
        f" from analytics.{NAME} left join analytics.dim_countries using (country_key)"
        " order by country_key",
    ) == [("acme", "2025-01-01", None, 1), ("acme", "2025-01-01", "DE", 2)]
    assert "a_day_s_events_are_counted_by_country" in tested
    run("sqlfluff", "lint", f"models/core/{NAME}.sql")


def test_table_whose_column_has_another_type_is_made_anew_by_a_run_only(
    built_warehouse: Settings, land: Land, query: Query, project: Path, run: Run
) -> None:
    core = project / "models" / "core"
    typed = f"select pg_typeof(event_count)::text, event_count from analytics.{NAME}"
    deliver(built_warehouse, land, "1", "acme,sale,1,2025-01-01T10:00:00Z,DE\n")
    run("dbt", "run", "--select", f"+{NAME}")
    for path, now in [
        (core / f"{NAME}.sql", ("count(*)", "count(*)::numeric")),
        (core / "_country__models.yml", ("data_type: bigint", "data_type: numeric")),
    ]:
        path.write_text(path.read_text().replace(*now))

    run("dbt", "test", "--select", NAME, "--exclude-resource-type", "unit_test")
    untouched = query(built_warehouse, typed)
    printed = run("dbt", "run", "--select", f"+{NAME}")

    assert untouched == [("bigint", 1)]
    assert f"analytics.{NAME} is created again: its columns have changed" in printed
    assert query(built_warehouse, typed) == [("numeric", 1)]


def test_condition_that_a_run_could_not_replace_is_refused(
    built_warehouse: Settings, land: Land, query: Query, project: Path, run: Run
) -> None:
    model = project / "models" / "core" / f"{NAME}.sql"
    wrong = model.read_text().replace(
        "{{ is_pending('int_new_events') }}",
        "ledger.is_pending(int_new_events.apply_id + 0)",
    )
    model.write_text(wrong)
    deliver(built_warehouse, land, "1", "acme,sale,1,2025-01-01T10:00:00Z,DE\n")

    printed = run("dbt", "run", "--select", f"+{NAME}", returns=1)

    assert (
        f"{NAME} calls ledger.is_pending with something else than columns of a relation"
        in " ".join(printed.split())
    )
    assert query(
        built_warehouse,
        f"select applies::text from ledger.models where model = '{NAME}'",
    ) == [("{}",)]
