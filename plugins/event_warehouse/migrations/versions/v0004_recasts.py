"""Rejected events are cast again, after a declaration or a rule was mended."""

from event_warehouse.migrations.statements import execute_file

revision = "v0004_recasts"
down_revision = "v0003_sketches"


def upgrade() -> None:
    execute_file(__file__)
