"""What the dbt project promises of itself, beside what `dbt build` tests.

The unit tests are run by `dbt build`, in the test of the main job.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from event_warehouse.settings import PROJECT, Settings
from event_warehouse.transform.layers import LAYERS
from tests.conftest import dsn_of
from tests.fixture_types import Query
from tests.integration.transform.tables import NOT_COMPARED, TABLES

BY_PYTEST = {
    # They name tables that dbt gives to no unit test: what was kept before, their own
    # sequence. test_identity and test_products have them.
    "dim_browsers",
    "dim_countries",
    "dim_devices",
    "dim_entities",
    "dim_event_types",
    "dim_users",
    # Counts all that was taken in: test_accounting.
    "int_accounting",
    # Columns as they are.
    "events",
    "stg_feeds",
    "stg_loads",
    "stg_rejected_lines",
    "stg_funnels",
    "stg_removed_rows",
    "event_types",
    "event_details",
    "rejections",
    "user_sequences_daily",
    # What was kept before; functions that read tables: test_funnels.
    "fct_user_sequences_daily",
    "funnels",
    # The same: tests/integration/query/test_key_values, lifecycle/test_forget.
    "dim_tenant_values",
    "int_event_key_values",
    "int_new_key_values",
    "fct_keys",
    "fct_key_values",
    "deleted_events",
}
"""Models without a dbt unit test, and why."""

NOT_ALL_EVENTS = {
    # Of each load, and it is what the sums are held against.
    "int_accounting",
    # An event counts for each key that it has.
    "fct_keys",
    "fct_key_values",
    # The first of each day.
    "most_active_devices_daily",
    "most_active_entities_daily",
    "most_active_users_daily",
}
"""Tables with a count of events that does not sum to all, and why."""

Node = dict[str, Any]


@pytest.fixture(scope="module")
def parsed(
    cluster: Settings, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Node:
    """The manifest of a parse that takes warnings and deprecations for errors."""
    target = tmp_path_factory.mktemp("target")
    finished = subprocess.run(
        [
            Path(sys.executable).parent / "dbt",
            "--warn-error",
            "--no-partial-parse",
            *("--log-path", str(target)),
            "parse",
            "--show-all-deprecations",
            *("--target-path", str(target)),
        ],
        cwd=PROJECT / "dbt_project",
        # Named, so that dbt starts no Postgres of its own.
        env={
            **os.environ,
            "WAREHOUSE_HOME": str(cluster.home),
            "WAREHOUSE_DSN": dsn_of(cluster, migrated_template),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    manifest: Node = json.loads((target / "manifest.json").read_text())
    return manifest


def models(parsed: Node) -> dict[str, Node]:
    found = {
        node["name"]: node
        for node in parsed["nodes"].values()
        if node["resource_type"] == "model"
    }
    assert len(found) > 40
    return found


def test_each_model_has_a_unit_test_or_a_reason(parsed: Node) -> None:
    tested = {test["model"] for test in parsed["unit_tests"].values()}

    assert set(models(parsed)) - tested == BY_PYTEST


def test_each_incremental_model_is_recounted_or_has_a_reason(parsed: Node) -> None:
    incremental = {
        name
        for name, model in models(parsed).items()
        if model["config"]["materialized"] == "incremental"
    }

    assert incremental == TABLES.keys() - {"accounting"} | NOT_COMPARED


def test_marts_and_only_they_are_public_with_a_contract(parsed: Node) -> None:
    for name, model in models(parsed).items():
        is_mart = model["schema"] == "marts"
        assert (model["access"] == "public") == is_mart, name
        assert model["group"] == ("dashboards" if is_mart else "pipeline"), name
        if is_mart:
            assert model["contract"]["enforced"], name


def test_each_mart_is_what_bi_tools_depend_on(parsed: Node) -> None:
    (bi_tools,) = (
        one for one in parsed["exposures"].values() if one["name"] == "bi_tools"
    )
    marts = {
        node["unique_id"]
        for node in models(parsed).values()
        if node["schema"] == "marts"
    }

    assert set(bi_tools["depends_on"]["nodes"]) == marts


def test_accounting_counts_each_table_that_counts_all_events(parsed: Node) -> None:
    counting = {
        name
        for name, model in models(parsed).items()
        if model["config"]["materialized"] == "incremental"
        and "event_count" in model["columns"]
    }
    (check,) = (
        one for one in parsed["exposures"].values() if one["name"] == "accounting_check"
    )
    named = {node.rpartition(".")[2] for node in check["depends_on"]["nodes"]}

    # Sequences have an array of times in place of a count.
    layers = {layer.model for layer in LAYERS} - {"fct_user_sequences_daily"}
    assert counting - layers == NOT_ALL_EVENTS
    assert layers <= counting
    assert {layer.model for layer in LAYERS} <= named


def test_each_model_says_its_grain_and_what_each_column_is(
    parsed: Node, built_warehouse: Settings, query: Query
) -> None:
    rows = query(
        built_warehouse,
        "select table_name, column_name from information_schema.columns"
        " where table_schema in ('analytics', 'marts')",
    )
    for name, model in models(parsed).items():
        assert "Grain: one row per " in model["description"], name
        documented = {
            column["name"]
            for column in model["columns"].values()
            if column["description"]
        }
        there = {column for table, column in rows if table == name}
        if model["config"]["materialized"] != "ephemeral":
            assert documented == there, name
