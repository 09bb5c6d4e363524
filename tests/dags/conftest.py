"""Airflow as the DAG's file meets it, without a metadata database."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from event_warehouse.local_airflow.environment import airflow_environment
from event_warehouse.settings import PROJECT, read_settings

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag


@pytest.fixture(scope="module")
def dag_bag(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[DagBag]":
    """What Airflow finds in the DAGs folder."""
    home = tmp_path_factory.mktemp("airflow")
    with pytest.MonkeyPatch.context() as patch:
        # Airflow reads its environment when it is first imported.
        for key, value in airflow_environment(
            read_settings({"WAREHOUSE_HOME": str(home)})
        ).items():
            patch.setenv(key, value)
        from airflow.dag_processing.dagbag import DagBag

        yield DagBag(PROJECT / "dags")
