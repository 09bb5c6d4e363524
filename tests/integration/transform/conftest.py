"""A warehouse with the feeds that the tests of the transform deliver to."""

from dataclasses import replace

import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from tests.fixture_types import Land
from tests.integration.transform.visits import FEEDS, FUNNELS, Deliver, Files


@pytest.fixture
def settings(built_warehouse: Settings) -> Settings:
    """A warehouse of the test's own with these feeds and funnels."""
    feeds = built_warehouse.home / "feeds.yml"
    feeds.write_text(FEEDS)
    funnels = built_warehouse.home / "funnels.yml"
    funnels.write_text(FUNNELS)
    return replace(built_warehouse, feeds=feeds, funnels=funnels)


@pytest.fixture
def deliver(settings: Settings, land: Land) -> Deliver:
    """Lands files, of visits but where their name says, and loads them in order."""

    def write(files: Files) -> None:
        for name, content in files:
            land(settings, name if "/" in name else f"visits/{name}", content)
            load_new_files(settings)

    return write
