"""The page about questions is the one that the schema makes."""

from event_warehouse.query.document import document
from event_warehouse.query.schema import SCHEMA
from event_warehouse.settings import PROJECT


def test_page_is_up_to_date() -> None:
    page = (PROJECT / "docs" / "query.md").read_text()

    assert page == document(), (
        "python -m event_warehouse.query.document > docs/query.md"
    )


def test_page_names_every_member_of_every_part() -> None:
    page = document()

    parts = [SCHEMA, *SCHEMA["$defs"].values()]
    members = {name for part in parts for name in part.get("properties", {})}
    assert {"start", "filters", "window_seconds"} < members
    assert all(f"| `{name}` |" in page for name in members)
