"""The DAG is what its operators and the scheduler are told it is."""

import ast
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from event_warehouse.settings import PROJECT, Settings

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

FILE = PROJECT / "dags" / "apply_new_events.py"


@dataclass(frozen=True)
class Counts:
    loaded: int


@dataclass(frozen=True)
class Accounting:
    is_balanced: bool
    problems: tuple[str, ...]


def call(dag: "DAG", task_id: str, **arguments: object) -> object:
    """What the task's function returns, without Airflow around it."""
    task: Any = dag.get_task(task_id)
    return task.python_callable(**arguments)


@pytest.fixture
def dag(dag_bag: "DagBag") -> "DAG":
    return dag_bag.dags["apply_new_events"]


def test_every_dag_file_is_imported_without_error(dag_bag: "DagBag") -> None:
    assert dag_bag.import_errors == {}
    files = {path.name for path in (PROJECT / "dags").glob("*.py")}
    assert {stats.file.strip("/") for stats in dag_bag.dagbag_stats} == files


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
    assert str(dag.schedule) == "*/5 * * * *"
    assert dag.catchup is False
    assert dag.max_active_runs == 1


def test_its_tasks_follow_each_other(dag: "DAG") -> None:
    after = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert after == {"load": {"transform"}, "transform": {"verify"}, "verify": set()}


def test_its_tasks_are_tried_again_and_end(dag: "DAG") -> None:
    for task in dag.tasks:
        assert task.retries == 2
        assert task.retry_exponential_backoff
        assert task.execution_timeout is not None
    assert dag.dagrun_timeout is not None


def test_what_a_person_must_mend_is_not_tried_again(dag: "DAG") -> None:
    from airflow.sdk import RetryAction

    from event_warehouse.errors import DatabaseError, FileError
    from event_warehouse.sources.errors import SourceUnavailable

    policy = dag.get_task("load").retry_policy
    assert policy is not None
    assert policy.evaluate(FileError(), 1, 2).action is RetryAction.FAIL
    assert policy.evaluate(SourceUnavailable(), 1, 2).action is RetryAction.RETRY
    assert policy.evaluate(DatabaseError(), 1, 2).action is RetryAction.DEFAULT


def test_it_loads_the_landing_folder_unless_told_otherwise(dag: "DAG") -> None:
    assert dag.params.dump() == {"source": None, "feed": None}


def test_load_passes_its_parameters_on_and_returns_the_counts(
    dag: "DAG", monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def load_new_files(_: Settings, **arguments: str) -> Counts:
        asked.update(arguments)
        return Counts(loaded=2)

    monkeypatch.setattr("event_warehouse.load.files.load_new_files", load_new_files)
    counts = call(dag, "load", params={"source": "/a.csv", "feed": "customer_events"})
    assert counts == {"loaded": 2}
    assert asked == {"source": "/a.csv", "feed": "customer_events"}


def test_verify_fails_for_good_and_says_what_is_wrong(
    dag: "DAG", monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    accounting = Accounting(False, ("a.csv failed: not CSV", "3 rows are missing"))
    monkeypatch.setattr("event_warehouse.accounting.verify", lambda _: accounting)
    with pytest.raises(AirflowFailException) as failure:
        call(dag, "verify")
    assert str(failure.value).split("\n") == [
        "not everything is accounted for:",
        "a.csv failed: not CSV",
        "3 rows are missing",
    ]


def test_verify_is_silent_when_all_is_accounted_for(
    dag: "DAG", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "event_warehouse.accounting.verify", lambda _: Accounting(True, ())
    )
    assert call(dag, "verify") is None


def test_airflow_leaves_the_package_in_the_plugins_folder_alone(
    dag_bag: "DagBag",
) -> None:
    from airflow.plugins_manager import get_import_errors, get_plugin_info

    assert get_plugin_info() == []
    assert get_import_errors() == {}
    package = PROJECT / "plugins" / "event_warehouse"
    bare_names = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert bare_names & sys.modules.keys() == set()
