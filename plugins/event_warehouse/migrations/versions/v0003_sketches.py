"""Sketches: how many distinct devices or sessions, over any range, from small sets."""

from event_warehouse.migrations.statements import execute_file

revision = "v0003_sketches"
down_revision = "v0002_ingestion"


def upgrade() -> None:
    execute_file(__file__)
