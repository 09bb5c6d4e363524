"""A warehouse with months of visits, of users who are to be forgotten."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land
from tests.integration.lifecycle.months import FEEDS, JANUARY, MARCH

Deliver = Callable[..., None]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What dbt has parsed for rebuilds, which takes it seconds."""
    return tmp_path_factory.mktemp("parsed") / "dbt_rebuild"


@pytest.fixture
def settings(built_warehouse: Settings, parsed: Path) -> Iterator[Settings]:
    """A warehouse of the test's own with these feeds."""
    feeds = built_warehouse.home / "feeds.yml"
    feeds.write_text(FEEDS)
    if parsed.exists():
        shutil.copytree(parsed, built_warehouse.home / parsed.name)
    yield replace(built_warehouse, feeds=feeds)
    made = built_warehouse.home / parsed.name
    if made.exists():
        shutil.copytree(made, parsed, dirs_exist_ok=True)


@pytest.fixture
def deliver(settings: Settings, land: Land) -> Deliver:
    """Lands a file, `visits/a.json` say, and loads it."""

    def write(name: str, content: str) -> None:
        land(settings, name, content)
        load_new_files(settings)

    return write


@pytest.fixture
def applied(settings: Settings, deliver: Deliver) -> Settings:
    """January's and March's visits, loaded and applied."""
    deliver("visits/january.json", JANUARY)
    deliver("visits/march.json", MARCH)
    transform(settings)
    return settings
