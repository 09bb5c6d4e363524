"""What was done, and by whom, is in one place, and no deleted user is."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import psycopg
import pytest

from event_warehouse.database import Role, connect
from event_warehouse.lifecycle.expire import expire
from event_warehouse.lifecycle.forget import forget
from event_warehouse.load.replay import replay_rejected_lines
from event_warehouse.settings import Settings
from event_warehouse.transform.rebuild import rebuild
from event_warehouse.transform.recast import recast_rejected_events
from tests.integration.lifecycle.months import ask

WAREHOUSE = Path(sys.executable).with_name("warehouse")
OPERATIONS = "select kind, what, requested_by, finished_at is null from "


def operations(settings: Settings) -> list[tuple[object, ...]]:
    """As the view has them, read by the role that reads them for a person."""
    with connect(settings.dsn, Role.TRANSFORMER) as connection:
        return connection.execute(OPERATIONS + "ledger.operations").fetchall()


def warehouse(settings: Settings, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "LOGNAME": "grace",
        "WAREHOUSE_HOME": str(settings.home),
        "WAREHOUSE_DSN": settings.dsn,
        "WAREHOUSE_FEEDS": str(settings.feeds),
    }
    return subprocess.run(
        [WAREHOUSE, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


def test_each_operation_is_kept_with_who_asked_the_newest_first(
    applied: Settings,
) -> None:
    who = "admin, forget_user of-ada ada"
    expire(applied, events_before=date(2025, 2, 1), requested_by="alan")
    forget(applied, tenant_id="acme", user_id="ada", requested_by=who)
    rebuild(applied, [(date(2025, 3, 10), date(2025, 3, 13))], requested_by="grace")
    replay_rejected_lines(applied, requested_by="grace")
    recast_rejected_events(applied, feed="visits", all_of_them=True)

    # The run's name had the user's id in it.
    without = "admin, forget_user of-(the user) (the user)"
    assert operations(applied) == [
        ("recast", "rejected events of visits: 0 to be cast again", "warehouse", False),
        ("replay", "rejected lines of every feed: 0 taken in", "grace", False),
        ("rebuild", "2025-03-10 to 2025-03-12 of every tenant", "grace", False),
        ("rebuild", "2025-03-01, 2025-03-10 of acme", without, False),
        ("deletion", "a user of acme (deletion 1)", without, False),
        ("expiry", "events before 2025-02-01", "alan", False),
    ]
    printed = warehouse(applied, "log", "--limit", "5")
    assert "deletion   a user of acme (deletion 1)" in printed
    assert "expiry" not in printed


@pytest.mark.long
def test_who_deletes_a_user_again_is_kept_too(applied: Settings) -> None:
    forget(applied, tenant_id="acme", user_id="bob", requested_by="alan")
    with psycopg.connect(applied.dsn) as connection:
        # As if the deletion had been ended before its days were made anew.
        connection.execute("update ledger.deletions set finished_at = null")
        connection.execute("update ledger.deletion_requests set finished_at = null")
    what = "a user of acme (deletion 1)"
    kept = ("deletion", what, "alan", True)
    assert kept in operations(applied)

    warehouse(applied, "forget", "--tenant", "acme", "--user", "bob")

    asked = [row for row in operations(applied) if row[0] == "deletion"]
    assert asked == [
        ("deletion", what, "grace, warehouse forget", False),
        ("deletion", what, "alan", False),
    ]
    assert ask(applied, "select count(*) from ledger.deletions") == [(1,)]


@pytest.mark.long
def test_what_was_never_asked_for_is_said(applied: Settings) -> None:
    assert warehouse(applied, "log") == "nobody has asked for anything yet\n"
