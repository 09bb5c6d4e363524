"""The DAG is what its operators and the scheduler are told it is."""

import ast
import sys
from typing import TYPE_CHECKING

import pytest

from event_warehouse.settings import PROJECT

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

FILE = PROJECT / "dags" / "apply_new_events.py"


@pytest.fixture
def dag(dag_bag: "DagBag") -> "DAG":
    return dag_bag.dags["apply_new_events"]


def test_every_dag_file_is_imported_without_error(dag_bag: "DagBag") -> None:
    assert dag_bag.import_errors == {}
    files = {path.name for path in (PROJECT / "dags").glob("*.py")}
    assert {stats.file.strip("/") for stats in dag_bag.dagbag_stats} == files


def test_it_is_read_in_well_under_a_second(dag_bag: "DagBag") -> None:
    durations = [stats.duration.total_seconds() for stats in dag_bag.dagbag_stats]
    assert max(durations) < 1


def test_its_file_imports_nothing_heavy_when_it_is_read() -> None:
    imported = set()
    for statement in ast.parse(FILE.read_text()).body:
        if isinstance(statement, ast.ImportFrom):
            imported.add(statement.module)
        elif isinstance(statement, ast.Import):
            imported.update(alias.name for alias in statement.names)
    assert imported == {"datetime", "typing", "airflow.sdk"}


def test_it_has_an_operators_page_and_an_owner(dag: "DAG") -> None:
    assert dag.doc_md is not None
    assert "How to rerun" in dag.doc_md
    assert dag.tags == {"events"}
    assert dag.owner == "event_warehouse"


def test_it_runs_every_five_minutes_one_run_at_a_time(dag: "DAG") -> None:
    assert dag.schedule == "*/5 * * * *"
    assert dag.catchup is False
    assert dag.max_active_runs == 1


def test_its_tasks_follow_each_other(dag: "DAG") -> None:
    load, transform, verify = dag.topological_sort()
    assert [load.task_id, transform.task_id, verify.task_id] == [
        "load",
        "transform",
        "verify",
    ]
    assert load.downstream_task_ids == {"transform"}
    assert transform.downstream_task_ids == {"verify"}


def test_its_tasks_are_tried_again_and_end(dag: "DAG") -> None:
    for task in dag.tasks:
        assert task.retries == 2
        assert task.retry_exponential_backoff
        assert task.execution_timeout is not None
    assert dag.dagrun_timeout is not None


def test_what_a_person_must_mend_is_not_tried_again(dag: "DAG") -> None:
    from airflow.sdk import RetryAction

    from event_warehouse.errors import DatabaseError, FileError

    policy = dag.get_task("load").retry_policy
    assert policy is not None
    assert policy.evaluate(FileError(), 1, 2).action is RetryAction.FAIL
    assert policy.evaluate(DatabaseError(), 1, 2).action is RetryAction.DEFAULT


def test_it_loads_the_landing_folder_unless_told_otherwise(dag: "DAG") -> None:
    assert dag.params.dump() == {"source": None, "feed": None}


def test_airflow_leaves_the_package_in_the_plugins_folder_alone(
    dag_bag: "DagBag",
) -> None:
    from airflow.plugins_manager import get_import_errors, get_plugin_info

    assert get_plugin_info() == []
    assert get_import_errors() == {}
    package = PROJECT / "plugins" / "event_warehouse"
    bare_names = {path.stem for path in package.glob("*.py")} - set(
        sys.stdlib_module_names
    )
    assert bare_names.isdisjoint(sys.modules)
