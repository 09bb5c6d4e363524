"""A full refresh that was ended is taken up; removals stay with their loads."""

from event_warehouse.migrations.statements import execute_file

revision = "v0017_ended_refreshes"
down_revision = "v0016_relations_of_others"


def upgrade() -> None:
    execute_file(__file__)
