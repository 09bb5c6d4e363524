"""A warehouse with the feeds that the tests of the transform deliver to."""

from dataclasses import replace

import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from tests.fixture_types import Land
from tests.integration.transform.visits import FEEDS, Deliver, Files


@pytest.fixture
def settings(built_warehouse: Settings) -> Settings:
    """A warehouse of the test's own with these feeds."""
    feeds = built_warehouse.home / "feeds.yml"
    feeds.write_text(FEEDS)
    return replace(built_warehouse, feeds=feeds)


@pytest.fixture
def deliver(settings: Settings, land: Land) -> Deliver:
    """Lands files of the visits feed and loads them, in their order."""

    def write(files: Files) -> None:
        for name, content in files:
            land(settings, f"visits/{name}", content)
            load_new_files(settings)

    return write
