"""Every DAG is what its operators and the scheduler are told it is."""

import ast
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from event_warehouse.settings import PROJECT

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

FILES = sorted((PROJECT / "dags").glob("*.py"))
NAMES = [path.stem for path in FILES]


@pytest.fixture
def dag(dag_bag: "DagBag", request: pytest.FixtureRequest) -> "DAG":
    return dag_bag.dags[request.param]


every_dag = pytest.mark.parametrize("dag", NAMES, indirect=True)


def test_every_file_has_a_dag_of_its_name_and_is_imported_without_error(
    dag_bag: "DagBag",
) -> None:
    assert dag_bag.import_errors == {}
    assert sorted(dag_bag.dags) == NAMES
    assert {"apply_new_events", "repair_days", "check_quality"} < set(NAMES)


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_a_file_imports_nothing_heavy_when_it_is_read(file: Path) -> None:
    imported = set()
    for statement in ast.parse(file.read_text()).body:
        if isinstance(statement, ast.ImportFrom):
            imported.add(statement.module)
        elif isinstance(statement, ast.Import):
            imported.update(alias.name for alias in statement.names)
    assert imported <= {"datetime", "typing", "airflow.sdk", "warehouse_dags"}


@every_dag
def test_it_has_an_operators_page_an_owner_and_a_tag(dag: "DAG") -> None:
    assert dag.doc_md is not None
    page = dag.doc_md.replace("\n", " ")
    assert "**When it fails**" in page
    assert "**How to rerun**" in page
    assert [
        task.task_id for task in dag.tasks if f"**{task.task_id}**" not in page
    ] == []
    assert [name for name in dag.params if f"`{name}`" not in page] == []
    assert dag.tags
    assert {task.owner for task in dag.tasks} == {"event_warehouse"}


@every_dag
def test_it_starts_no_runs_of_the_past_by_itself_and_few_at_once(dag: "DAG") -> None:
    assert dag.catchup is False
    assert 1 <= dag.max_active_runs <= 4


@every_dag
def test_its_tasks_are_tried_again_ever_later_and_end(dag: "DAG") -> None:
    for task in dag.tasks:
        assert task.retries == 2
        assert task.retry_exponential_backoff
        assert task.max_retry_delay == timedelta(minutes=5)
        assert task.execution_timeout is not None
    assert dag.dagrun_timeout is not None


@every_dag
def test_its_failures_are_told(dag: "DAG") -> None:
    import warehouse_dags

    for task in dag.tasks:
        # Of a mapped task it is as it was given.
        told = task.on_failure_callback
        assert told in (warehouse_dags.tell_failure, [warehouse_dags.tell_failure])
    assert dag.on_failure_callback is warehouse_dags.tell_timeout


@every_dag
def test_what_a_person_must_mend_is_not_tried_again(dag: "DAG") -> None:
    from airflow.sdk import RetryAction

    from event_warehouse.errors import (
        DatabaseError,
        ExpiredError,
        FileError,
        UserError,
        WindowError,
    )
    from event_warehouse.sources.errors import SourceUnavailable

    for task in dag.tasks:
        policy = task.retry_policy
        assert policy is not None
        for error in (FileError(), WindowError(), ExpiredError(), UserError()):
            assert policy.evaluate(error, 1, 2).action is RetryAction.FAIL
        assert policy.evaluate(SourceUnavailable(), 1, 2).action is RetryAction.RETRY
        assert policy.evaluate(DatabaseError(), 1, 2).action is RetryAction.DEFAULT


def test_run_whose_replay_fails_fails_though_the_transform_runs(
    dag_bag: "DagBag",
) -> None:
    dag = dag_bag.dags["replay_rejected"]
    after = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert after == {
        "replay": {"transform", "verify"},
        "transform": {"verify"},
        "verify": set(),
    }


@every_dag
def test_its_loaders_share_a_pool_of_their_own(dag: "DAG") -> None:
    pools = {task.task_id: task.pool for task in dag.tasks}
    assert pools.pop("load", "warehouse_loaders") == "warehouse_loaders"
    assert set(pools.values()) == {"default_pool"}


def test_days_are_repaired_in_intervals_that_follow_each_other(
    dag_bag: "DagBag",
) -> None:
    import pendulum
    from airflow.timetables.interval import CronDataIntervalTimetable

    timetable = dag_bag.dags["repair_days"].timetable
    assert timetable.__class__.__name__ == CronDataIntervalTimetable.__name__
    core = CronDataIntervalTimetable("0 0 * * *", timezone=pendulum.UTC)
    interval = core.infer_manual_data_interval(
        run_after=pendulum.datetime(2026, 11, 22, 0, 0)
    )
    assert (interval.start, interval.end) == (
        pendulum.datetime(2026, 11, 21),
        pendulum.datetime(2026, 11, 22),
    )


def test_airflow_finds_the_plugin_and_leaves_the_package_beside_it_alone(
    dag_bag: "DagBag",
) -> None:
    from airflow.plugins_manager import get_import_errors, get_plugin_info

    assert get_import_errors() == {}
    (plugin,) = get_plugin_info()
    (view,) = plugin["external_views"]
    assert view["href"] == "http://127.0.0.1:8000/"
    assert view["destination"] == "nav"
    package = PROJECT / "plugins" / "event_warehouse"
    bare_names = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert bare_names & sys.modules.keys() == set()
