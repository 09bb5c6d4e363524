"""Sessions and visitors' days are found by week: new rows lie side by side."""

from event_warehouse.migrations.statements import execute_file

revision = "v0018_indexes_by_week"
down_revision = "v0017_ended_refreshes"


def upgrade() -> None:
    execute_file(__file__)
