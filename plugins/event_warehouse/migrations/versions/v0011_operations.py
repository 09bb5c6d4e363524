"""Who asked for replays, recasts and deletions, and one view of all operations."""

from event_warehouse.migrations.statements import execute_file

revision = "v0011_operations"
down_revision = "v0010_project"


def upgrade() -> None:
    execute_file(__file__)
