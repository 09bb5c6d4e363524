"""What reads all new events can be shared by several processes."""

import re
from pathlib import Path

import psycopg

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land

HEADER = "customer_id,event_type,transaction_id,timestamp,user_id,country\n"
BATCHES = "select model from ledger.batches where model not like '%.kept'"
STATEMENT = re.compile(
    r"(?P<planner>(set local \w+ to \w+;\s*)+).*?"
    r"create unlogged table \S+\s+with \(.*?\)\s+as (?P<select>.*)",
    re.DOTALL,
)


def test_each_batch_is_made_by_parallel_workers(
    built_warehouse: Settings, land: Land
) -> None:
    rows = (f"acme,visit,{n},2025-01-01T10:00:00Z,user-{n},DE\n" for n in range(500))
    land(built_warehouse, "customer_events/a.csv", HEADER + "".join(rows))
    load_new_files(built_warehouse)
    transform(built_warehouse)

    with psycopg.connect(built_warehouse.dsn, autocommit=True) as connection:
        plans = {
            batch: plan(connection, built_warehouse.home / "dbt" / "run", batch)
            for (batch,) in connection.execute(BATCHES).fetchall()
        }

    assert "int_new_sessions" in plans
    assert [batch for batch in plans if "Gather" not in plans[batch]] == []


def plan(connection: psycopg.Connection, folder: Path, batch: str) -> str:
    """The plan of the statement that made a batch, for more rows than there are."""
    (run,) = folder.rglob(f"{batch}.sql")
    made = STATEMENT.search(run.read_text())
    assert made
    with connection.transaction():
        connection.execute("set local min_parallel_table_scan_size to 0")
        connection.execute(made["planner"])
        return str(connection.execute(f"explain {made['select']}").fetchall())
