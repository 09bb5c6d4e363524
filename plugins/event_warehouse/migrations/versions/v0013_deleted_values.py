"""What a deletion takes out of replayed lines and of the values of keys."""

from event_warehouse.migrations.statements import execute_file

revision = "v0013_deleted_values"
down_revision = "v0012_sessions_accounted"


def upgrade() -> None:
    execute_file(__file__)
