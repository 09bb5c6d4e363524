"""Expiry of whole months, deletion of users, and the counts of what went."""

from event_warehouse.migrations.statements import execute_file

revision = "v0009_lifecycle"
down_revision = "v0008_funnels"


def upgrade() -> None:
    execute_file(__file__)
