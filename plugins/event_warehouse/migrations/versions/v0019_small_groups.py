"""Many small groups are summed faster: their sketches, and the chains of a funnel."""

from event_warehouse.migrations.statements import execute_file

revision = "v0019_small_groups"
down_revision = "v0018_indexes_by_week"


def upgrade() -> None:
    execute_file(__file__)
