"""The DAG is what its operators and the scheduler are told it is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

VERIFY = "event_warehouse.reports.accounting.verify"


@dataclass(frozen=True)
class Accounting:
    is_balanced: bool
    problems: tuple[str, ...]
    loads: tuple["Account", ...] = ()


@dataclass(frozen=True)
class Account:
    problem: str | None


def call(dag: "DAG", task_id: str, **arguments: object) -> object:
    """What the task's function returns, without Airflow around it."""
    task: Any = dag.get_task(task_id)
    return task.python_callable(**arguments)


@pytest.fixture
def dag(dag_bag: "DagBag") -> "DAG":
    return dag_bag.dags["apply_new_events"]


def test_it_runs_every_five_minutes_one_run_at_a_time(dag: "DAG") -> None:
    assert str(dag.schedule) == "*/5 * * * *"
    assert dag.catchup is False
    assert dag.max_active_runs == 1


def test_what_was_loaded_is_transformed_also_if_a_source_is_down(dag: "DAG") -> None:
    after = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert after == {
        "find": {"load"},
        "load": {"transform", "verify"},
        "transform": {"verify"},
        "verify": set(),
    }
    rules = {task.task_id: task.trigger_rule.value for task in dag.tasks}
    assert rules["transform"] == "all_done"
    assert rules["verify"] == "none_failed_min_one_success"


def test_it_loads_the_landing_folder_unless_told_otherwise(dag: "DAG") -> None:
    assert dag.params.dump() == {"source": None, "feed": None}


def test_verify_fails_for_good_and_says_what_is_wrong(
    dag: "DAG", monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    accounting = Accounting(False, ("a.csv failed: not CSV", "3 rows are missing"))
    monkeypatch.setattr(VERIFY, lambda _: accounting)
    with pytest.raises(AirflowFailException) as failure:
        call(dag, "verify")
    assert str(failure.value).split("\n") == [
        "not everything is accounted for:",
        "a.csv failed: not CSV",
        "3 rows are missing",
    ]


def test_verify_of_some_days_leaves_out_sums_over_all(
    dag: "DAG", monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    loads = (Account(None),)
    accounting = Accounting(False, ("a rollup sums to another day's",), loads)
    monkeypatch.setattr(VERIFY, lambda _: accounting)
    assert call(dag, "verify", of_all_days=False) is None

    accounting = Accounting(False, (), (Account(None), Account("a.csv failed")))
    with pytest.raises(AirflowFailException, match=r"a\.csv failed"):
        call(dag, "verify", of_all_days=False)


def test_verify_is_silent_when_all_is_accounted_for(
    dag: "DAG", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VERIFY, lambda _: Accounting(True, ()))
    assert call(dag, "verify") is None
