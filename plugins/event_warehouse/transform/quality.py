"""Runs dbt's checks: the project's data tests, and whether files still arrive."""

from collections.abc import Sequence

from event_warehouse.settings import Settings
from event_warehouse.transform.run import results_of_dbt


def failed_tests(settings: Settings) -> list[str]:
    """The data tests that fail, each with dbt's message; reads only."""
    return _failed(settings, ["test", "--exclude", "test_type:unit"])


def stale_sources(settings: Settings) -> list[str]:
    """The sources without new data for longer than they allow; reads only."""
    return _failed(settings, ["source", "freshness"])


def _failed(settings: Settings, command: Sequence[str]) -> list[str]:
    return [
        f"{one.node.name}: {one.message or one.status}"
        for one in results_of_dbt(settings, command)
        if one.status in {"error", "fail", "runtime error"}
    ]
