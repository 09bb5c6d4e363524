"""Days can be made anew from their events."""

from event_warehouse.migrations.statements import execute_file

revision = "v0005_rebuilds"
down_revision = "v0004_recasts"


def upgrade() -> None:
    execute_file(__file__)
