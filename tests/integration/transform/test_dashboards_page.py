"""The queries of docs/dashboards.md are answered, and not from the whole history."""

import re
from typing import Any

import psycopg
import pytest

from event_warehouse.database import Role, connect
from event_warehouse.settings import PROJECT, Settings
from event_warehouse.transform.run import transform
from tests.integration.transform.visits import ALL, Deliver

PAGE = (PROJECT / "docs" / "dashboards.md").read_text()
QUERIES = dict(re.findall(r"## \d\. (.+?)\n.*?```sql\n(.*?)```", PAGE, re.S))
FROM_EVENTS = {"Top devices of the last minutes"}


def test_page_has_eight_queries_each_with_its_answer() -> None:
    assert len(QUERIES) == 8
    assert len(re.findall(r"```\n+```\n[^`]+-\+-[^`]+```", PAGE)) == 8


@pytest.fixture
def filled(settings: Settings, deliver: Deliver) -> Settings:
    deliver(ALL)
    transform(settings)
    return settings


def test_reader_is_answered_each_of_them_from_marts_rollups_and_facts(
    filled: Settings,
) -> None:
    read = {title: tables_read(filled, query) for title, query in QUERIES.items()}

    assert all(tables for title, tables in read.items() if title not in FROM_EVENTS)
    from_events = {
        title
        for title, tables in read.items()
        if any(table.startswith(("events", "raw")) for table in tables)
    }
    assert from_events <= FROM_EVENTS


def test_events_of_other_months_are_not_read_for_the_last_minutes(
    filled: Settings,
) -> None:
    (title,) = FROM_EVENTS
    with psycopg.connect(filled.dsn) as connection:
        months = connection.execute(
            "select relid from pg_partition_tree('analytics.events') where isleaf"
        ).fetchall()
    assert len(months) > 1

    asked = QUERIES[title].replace("2026-11-22T12:00Z", "2025-01-01T10:30Z")

    tables = tables_read(filled, asked)
    assert {table for table in tables if table.startswith("events")} == {
        "events_2025_01"
    }


def tables_read(settings: Settings, query: str) -> set[str]:
    """Of the plan, as far as it was run."""
    with connect(settings.dsn, Role.READER) as connection:
        (plans,) = connection.execute(
            "explain (analyze, format json) " + query
        ).fetchone() or ([],)
    return relations(plans[0]["Plan"])


def relations(node: dict[str, Any]) -> set[str]:
    was_run = node["Actual Loops"] > 0 and "Relation Name" in node
    own = {node["Relation Name"]} if was_run else set()
    return own.union(*(relations(below) for below in node.get("Plans", [])))
