"""What an apply is cast by, where a file's time and its drift are kept, and replays."""

from event_warehouse.migrations.statements import execute_file

revision = "v0002_ingestion"
down_revision = "v0001_raw_and_ledger"


def upgrade() -> None:
    execute_file(__file__)
