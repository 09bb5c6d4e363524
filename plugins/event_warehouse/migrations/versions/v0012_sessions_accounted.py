"""What expiry and deletion take from the counts of sessions and sequences."""

from event_warehouse.migrations.statements import execute_file

revision = "v0012_sessions_accounted"
down_revision = "v0011_operations"


def upgrade() -> None:
    execute_file(__file__)
